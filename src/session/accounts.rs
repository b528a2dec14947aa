//! Accounts: what PKCS#11 has no function for, and `coffer role` does.

use crate::error::Result;
use crate::policy::Role;
use crate::secret::Secret;
use crate::token::Account;
use crate::vault::PinState;

use super::Session;

impl Session {
    /// The accounts of the token.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.token.accounts()
    }

    /// The state of an account's PIN. Errors: CKR_USER_TYPE_INVALID for a name that nobody has.
    pub fn account_pin(&self, name: &str) -> Result<PinState> {
        self.token.account_pin(name)
    }

    /// Whether it is the user and not the SO who manages accounts of this role: where the SO does not hold the keys.
    pub fn user_manages(&self, role: Role) -> bool {
        self.token.user_manages(role)
    }

    /// Gives the user a PIN where the SO does not hold the keys; everything that was sealed is gone. Errors: those of
    /// `Token::start_anew`, CKR_SESSION_READ_ONLY.
    pub fn start_anew(&self, pin: &Secret) -> Result<()> {
        self.need_read_write()?;
        self.token.start_anew(pin)
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
