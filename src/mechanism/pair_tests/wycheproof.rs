//! Project Wycheproof through the rows.
