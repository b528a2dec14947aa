//! Roles, and which objects each of them sees (PKCS#11 section 5.6.7 and table "Access to different types of objects").

use crate::ck::*;
use crate::object::Object;

/// Who is logged in to a token, for all sessions of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Nobody.
    #[default]
    Public,
    User,
    SecurityOfficer,
}

/// True where the role may see the object: private objects are the user's alone.
pub fn visible(role: Role, object: &Object) -> bool {
    role == Role::User || !object.is_true(CKA_PRIVATE)
}

/// The session state of C_GetSessionInfo. (The SO has no read-only state: login is refused before.)
pub fn session_state(role: Role, read_write: bool) -> CK_STATE {
    match (role, read_write) {
        (Role::Public, false) => CKS_RO_PUBLIC_SESSION,
        (Role::Public, true) => CKS_RW_PUBLIC_SESSION,
        (Role::User, false) => CKS_RO_USER_FUNCTIONS,
        (Role::User, true) => CKS_RW_USER_FUNCTIONS,
        (Role::SecurityOfficer, _) => CKS_RW_SO_FUNCTIONS,
    }
}
