//! Accounts: what PKCS#11 has no function for, and `coffer role` does.

use crate::error::Result;
use crate::policy::Role;
use crate::secret::Secret;
use crate::token::Account;

use super::Session;

impl Session {
    /// The accounts of the token.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.token.accounts()
    }

    /// Makes an account. Errors: those of `Token::add_account`, CKR_SESSION_READ_ONLY.
    pub fn add_account(&self, name: &str, role: Role, pin: &Secret) -> Result<()> {
        self.need_read_write()?;
        self.token.add_account(name, role, pin, Vec::new())
    }

    /// Gives an account a new PIN. Errors: those of `Token::reset_account_pin`, CKR_SESSION_READ_ONLY.
    pub fn reset_account_pin(&self, name: &str, pin: &Secret) -> Result<()> {
        self.need_read_write()?;
        self.token.reset_account_pin(name, pin, Vec::new())
    }

    /// Removes an account. Errors: those of `Token::remove_account`, CKR_SESSION_READ_ONLY.
    pub fn remove_account(&self, name: &str) -> Result<()> {
        self.need_read_write()?;
        self.token.remove_account(name, Vec::new())
    }
}
