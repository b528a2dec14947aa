//! Roles, and what each of them may see and do (PKCS#11 section 5.6.7 and table "Access to different types of objects";
//! the named roles: docs/roles.md).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Object;

use super::usage::Use;

/// The longest name of an account or participant in bytes.
pub const MAXIMUM_NAME: usize = 32;

/// Whether somebody may have this name: 1 to 32 letters, digits, `.`, `_`, `-` and `@`, but not `user` and `so`.
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    (1..=MAXIMUM_NAME).contains(&name.len()) && name.bytes().all(fits) && !["user", "so"].contains(&name)
}

/// Who is logged in to a token, for all sessions of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nobody.
    #[default]
    Public,
    SecurityOfficer,
    User,
    /// Makes, changes, exports and destroys keys, and uses none for data.
    KeyManager,
    /// Uses keys, and leaves them as they are.
    Operator,
    /// Sees what there is and what has happened.
    Auditor,
    /// Holds shares of a recovery key; sees and uses nothing that is private.
    Custodian,
}

impl Role {
    pub const ALL: [Role; 7] = [
        Role::Public,
        Role::SecurityOfficer,
        Role::User,
        Role::KeyManager,
        Role::Operator,
        Role::Auditor,
        Role::Custodian,
    ];
    /// Those of accounts with names, who log in with C_LoginUser.
    pub const NAMED: [Role; 4] = [Role::KeyManager, Role::Operator, Role::Auditor, Role::Custodian];

    pub fn name(self) -> &'static str {
        match self {
            Role::Public => "public",
            Role::SecurityOfficer => "so",
            Role::User => "user",
            Role::KeyManager => "key-manager",
            Role::Operator => "operator",
            Role::Auditor => "auditor",
            Role::Custodian => "custodian",
        }
    }

    /// The role of this name, if it is one of accounts.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|role| role.name() == name)
    }

    /// Whether this role may do it.
    pub fn may(self, function: Function) -> bool {
        function.roles().contains(&self)
    }
}

/// What a role may or may not do. What needs no login is open to every role, and no function here: digests, random
/// numbers, public session objects, the use of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Find private objects and read their attributes.
    SeePrivate,
    /// Read the values of private objects that are no keys.
    ReadData,
    /// Read the values of private and secret keys that do not hide them.
    ReadKeys,
    /// Sign, verify, encrypt, decrypt and digest with private and secret keys.
    Use,
    /// Make private objects that end with the session: generate, derive, unwrap, agree on keys.
    MakeSession,
    /// Make objects in the token: generate, import, derive, unwrap, copy.
    Make,
    /// Change the attributes of objects in the token.
    Change,
    Destroy,
    /// Wrap private and secret keys, or under them.
    Export,
    /// Say that a key or certificate is to be trusted (CKA_TRUSTED).
    Trust,
    /// Change what the token asks of the life of its keys, how much is told, and the rules of dual control.
    Configure,
    /// Hand in requests and approvals. What counts is who has signed them.
    Approve,
}

impl Function {
    pub const ALL: [Function; 12] = [
        Function::SeePrivate,
        Function::ReadData,
        Function::ReadKeys,
        Function::Use,
        Function::MakeSession,
        Function::Make,
        Function::Change,
        Function::Destroy,
        Function::Export,
        Function::Trust,
        Function::Configure,
        Function::Approve,
    ];

    /// The table: who may do it. (The SO sees no private objects, so what is said of the SO and keys is about others.)
    fn roles(self) -> &'static [Role] {
        use Role::{Auditor, Custodian, KeyManager, Operator, Public, SecurityOfficer as So, User};
        match self {
            Function::SeePrivate => &[User, KeyManager, Operator, Auditor],
            Function::ReadData => &[User, Operator],
            Function::ReadKeys => &[So, User, KeyManager],
            Function::Use => &[So, User, Operator],
            Function::MakeSession => &[User, KeyManager, Operator],
            Function::Make => &[Public, So, User, KeyManager],
            Function::Change => &[So, User, KeyManager],
            Function::Destroy => &[So, User, KeyManager],
            Function::Export => &[So, User, KeyManager],
            Function::Trust => &[So],
            Function::Configure => &[So, User],
            Function::Approve => &[So, User, KeyManager, Operator, Auditor, Custodian],
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Function::SeePrivate => "see private objects",
            Function::ReadData => "read the values of private data objects",
            Function::ReadKeys => "read the values of keys that do not hide them",
            Function::Use => "use private and secret keys",
            Function::MakeSession => "make private session objects",
            Function::Make => "make token objects",
            Function::Change => "change token objects",
            Function::Destroy => "destroy token objects",
            Function::Export => "wrap keys",
            Function::Trust => "set CKA_TRUSTED",
            Function::Configure => "change the settings",
            Function::Approve => "ask for approvals, and hand in approvals",
        }
    }
}

/// True where the role may see the object.
pub fn visible(role: Role, object: &Object) -> bool {
    role.may(Function::SeePrivate) || !object.is_true(CKA_PRIVATE)
}

/// True for what nobody can use without a login: private objects, and token objects with sealed values.
fn is_guarded(object: &Object) -> bool {
    let is_key = matches!(object.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY);
    object.is_true(CKA_PRIVATE) || (is_key && object.is_true(CKA_TOKEN))
}

/// Whether the role may use such a key at all. Where nobody is logged in, the key itself does not open.
pub(super) fn may_use(role: Role, key: &Object, purpose: Use) -> bool {
    let may = match purpose {
        Use::Wrap => role.may(Function::Export),
        // They end in a new object, of which `may_make` decides.
        Use::Unwrap | Use::Derive | Use::Encapsulate | Use::Decapsulate => {
            role.may(Function::MakeSession) || role.may(Function::Make)
        }
        _ => role.may(Function::Use),
    };
    role == Role::Public || may || !is_guarded(key)
}

/// The roles that see a key and may use it so, as far as roles go.
pub fn roles_that_use(key: &Object, purpose: Use) -> Vec<Role> {
    let may = |role: &Role| match role {
        Role::Public => !is_guarded(key),
        role => visible(*role, key) && may_use(*role, key, purpose),
    };
    Role::ALL.into_iter().filter(may).collect()
}

/// Whether the role may wrap this key. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn may_export(role: Role, key: &Object) -> Result<()> {
    if may_use(role, key, Use::Wrap) { Ok(()) } else { Err(Error::UserNotLoggedIn) }
}

/// Whether the role may make an object. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn may_make(role: Role, in_token: bool, private: bool) -> Result<()> {
    let function = match (in_token, private) {
        (true, _) => Function::Make,
        (false, true) => Function::MakeSession,
        (false, false) => return Ok(()),
    };
    let may = role.may(function) && (!private || role.may(Function::SeePrivate));
    if may { Ok(()) } else { Err(Error::UserNotLoggedIn) }
}

/// Whether the role may change, copy or destroy an object in the token (`function`). Errors: CKR_ACTION_PROHIBITED; where
/// nobody is logged in, the token says CKR_USER_NOT_LOGGED_IN after other checks.
pub fn may_alter(role: Role, object: &Object, function: Function) -> Result<()> {
    let may = role == Role::Public || role.may(function) || !object.is_true(CKA_TOKEN);
    if may { Ok(()) } else { Err(Error::ActionProhibited) }
}

/// Whether the role may read a value that the object keeps apart (footnote 7 of section 4, and the values of private data).
pub fn may_read_value(role: Role, object: &Object, attribute: CK_ATTRIBUTE_TYPE, sealed: bool) -> bool {
    let is_key = matches!(object.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY);
    let function = match (is_key, attribute) {
        (true, _) if sealed => Function::ReadKeys,
        (false, CKA_VALUE) if object.class() == CKO_DATA => Function::ReadData,
        _ => return true,
    };
    role == Role::Public || role.may(function) || !is_guarded(object)
}

/// The session state of C_GetSessionInfo. (The SO has no read-only state: login is refused before.)
pub fn session_state(role: Role, read_write: bool) -> CK_STATE {
    match (role, read_write) {
        (Role::Public, false) => CKS_RO_PUBLIC_SESSION,
        (Role::Public, true) => CKS_RW_PUBLIC_SESSION,
        (Role::SecurityOfficer, _) => CKS_RW_SO_FUNCTIONS,
        (_, false) => CKS_RO_USER_FUNCTIONS,
        (_, true) => CKS_RW_USER_FUNCTIONS,
    }
}
