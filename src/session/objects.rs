//! Objects: create, copy, destroy, read, change and find (PKCS#11 sections 5.7).

use std::sync::atomic::Ordering;

use crate::ck::*;
use crate::config::PointEncoding;
use crate::error::{Error, Result};
use crate::lifecycle::copies;
use crate::lifecycle::destruction;
use crate::mechanism::{computed, import};
use crate::object::codec::encoded_len;
use crate::object::{
    Attributes, Creator, Object, SearchTemplate, Template, Value, attribute, ec_point, rules,
};
use crate::policy::{self, Controlled, Function, Source, may_alter, may_make, may_read_value};
use crate::token::{ObjectHandle, What};

use super::{Session, built_in};

impl Session {
    /// C_CreateObject.
    pub fn create_object(&self, template: &Template) -> Result<ObjectHandle> {
        self.keep(self.object_to_be(template)?, Source::Imported)
    }

    /// As C_CreateObject for several token objects that come from `source` (told in their events), all in one transaction:
    /// each is made, or none. Answers the handles in the order of the templates. Errors: also CKR_USER_NOT_LOGGED_IN.
    pub fn migrate_objects(&self, templates: &[Template], source: &str) -> Result<Vec<ObjectHandle>> {
        let objects: Vec<Attributes> =
            templates.iter().map(|template| self.object_to_be(template)).collect::<Result<_>>()?;
        let made = self.token.transact(|batch| {
            let make = |attributes: &Attributes| {
                batch.event(self.token.event(What::Migrated).about(attributes).detail(source));
                batch.create(attributes.clone())
            };
            objects.iter().map(make).collect::<Result<Vec<_>>>()
        })?;
        made.into_iter().map(|id| self.token.handle_of(id).ok_or(Error::ObjectHandleInvalid)).collect()
    }

    /// The attributes of the object that C_CreateObject would make, or its error; nothing is made.
    pub fn object_to_be(&self, template: &Template) -> Result<Attributes> {
        let attributes = rules::create(template, &self.creator())?;
        let attributes = import::check_key(&attributes)?;
        self.may_create(&attributes, Source::Imported)?;
        Ok(attributes)
    }

    /// C_CopyObject. Errors: CKR_ACTION_PROHIBITED where CKA_COPYABLE is false, and for a key of the token that is copied into a
    /// session where others must approve that and have not.
    pub fn copy_object(&self, handle: ObjectHandle, template: &Template) -> Result<ObjectHandle> {
        self.check_made(handle)?;
        let original = self.token.object(handle)?;
        let mut attributes = self.unless_refused(&original, "copy", || {
            may_alter(self.token.role(), &original, Function::Make)?;
            let attributes = rules::copy(&original, template, &self.creator())?;
            self.token.profile().check_change(original.attributes(), &attributes)?;
            self.token.validity().check_change(original.attributes(), &attributes)?;
            Ok(attributes)
        })?;
        self.may_create(&attributes, Source::Copied)?;
        for (attribute, value) in original.secrets()?.iter() {
            attributes.set(attribute, value.clone());
        }
        let label = String::from_utf8_lossy(attributes.bytes(CKA_LABEL).unwrap_or_default()).into_owned();
        let place = format!("as `{label}` in this token, or in a session of it");
        let into_session = !attributes.is_true(CKA_TOKEN);
        copies::copied(&self.token, &original, into_session, &place)?;
        if !into_session {
            return self.keep(attributes, Source::Copied);
        }
        let copy = self.token.create_copy(attributes, &original, self.handle)?;
        self.still_open().map(|()| copy)
    }

    /// C_DestroyObject. Errors: CKR_SESSION_READ_ONLY for a token object, CKR_ACTION_PROHIBITED where
    /// CKA_DESTROYABLE is false.
    pub fn destroy_object(&self, handle: ObjectHandle) -> Result<()> {
        self.check_made(handle)?;
        let object = self.token.object(handle)?;
        if object.is_true(CKA_TOKEN) {
            self.need_read_write()?;
        }
        self.unless_refused(&object, "destroy", || {
            may_alter(self.token.role(), &object, Function::Destroy)?;
            if object.attributes().value(CKA_DESTROYABLE) == Some(&Value::Bool(false)) {
                return Err(Error::ActionProhibited);
            }
            destruction::destroy_object(&self.token, handle)
        })
    }

    /// C_GetObjectSize: bytes in the token file or in memory, sealed values left out.
    pub fn object_size(&self, handle: ObjectHandle) -> Result<usize> {
        match self.built_in(handle) {
            Some(attributes) => Ok(encoded_len(&attributes)),
            None => self.token.object_size(handle),
        }
    }

    /// C_GetAttributeValue: each attribute's value, or why it is not shown (CKR_ATTRIBUTE_SENSITIVE,
    /// CKR_ATTRIBUTE_TYPE_INVALID). Of a key's state the effective one is told.
    pub fn attribute_values(
        &self,
        handle: ObjectHandle,
        attributes: &[CK_ATTRIBUTE_TYPE],
    ) -> Result<Vec<Result<Value>>> {
        self.values(handle, attributes, false)
    }

    /// As [`Session::attribute_values`], for who hands nothing of it on before the export is written down (`copies::made`), which
    /// uses up the approval of others where one is needed.
    pub fn values_to_export(
        &self,
        handle: ObjectHandle,
        attributes: &[CK_ATTRIBUTE_TYPE],
    ) -> Result<Vec<Result<Value>>> {
        self.values(handle, attributes, true)
    }

    fn values(
        &self,
        handle: ObjectHandle,
        attributes: &[CK_ATTRIBUTE_TYPE],
        exports: bool,
    ) -> Result<Vec<Result<Value>>> {
        let mut values = Vec::new();
        values.try_reserve_exact(attributes.len())?;
        if let Some(held) = self.built_in(handle) {
            let shown = |id: &CK_ATTRIBUTE_TYPE| held.value(*id).cloned().ok_or(Error::AttributeTypeInvalid);
            values.extend(attributes.iter().map(shown));
            return Ok(values);
        }
        let object = self.token.object(handle)?;
        for attribute in attributes {
            let value = match (attribute, object.key_type()) {
                (&CKA_COFFER_STATE, Some(_)) => {
                    Ok(Value::Ulong(policy::state(&object, self.token.validity_time()).number()))
                }
                (&CKA_COFFER_COPIES, Some(_)) => {
                    self.known_copies(&object)?.map(Value::Ulong).ok_or(Error::AttributeTypeInvalid)
                }
                _ => rules::reveal(&object, *attribute)
                    .and_then(|value| self.readable(&object, *attribute, value, exports))
                    .map(|value| self.presented(&object, *attribute, value)),
            };
            self.tell_reading(handle, &object, *attribute, &value);
            match value {
                Err(Error::AttributeSensitive | Error::AttributeTypeInvalid) | Ok(_) => values.push(value),
                Err(error) => return Err(error),
            }
        }
        Ok(values)
    }

    /// Errors: CKR_ATTRIBUTE_SENSITIVE where the role of who is logged in does not read such values, and for those of token keys
    /// where others must approve that they leave: a call of C_GetAttributeValue may be a question about lengths, and can use up
    /// no approval (`coffer export` can).
    fn readable(
        &self,
        object: &Object,
        attribute: CK_ATTRIBUTE_TYPE,
        value: Value,
        exports: bool,
    ) -> Result<Value> {
        let sealed = matches!(value, Value::Secret(_));
        let of_token = sealed && object.key_type().is_some() && object.is_true(CKA_TOKEN);
        let leaves = of_token && !exports && self.token.is_controlled(Controlled::Export);
        let may = !leaves && may_read_value(self.token.role(), object, attribute, sealed);
        if may { Ok(value) } else { Err(Error::AttributeSensitive) }
    }

    /// The points of Edwards and Montgomery keys raw, where the configuration wants them so (sections 6.3.5, 6.3.7);
    /// everything else as it is stored.
    fn presented(&self, object: &Object, attribute: CK_ATTRIBUTE_TYPE, value: Value) -> Value {
        let raw = match (attribute, object.key_type(), self.config.point_encoding) {
            (CKA_EC_POINT, Some(key_type @ (CKK_EC_EDWARDS | CKK_EC_MONTGOMERY)), PointEncoding::Raw) => {
                value.as_bytes().and_then(|point| ec_point::raw(key_type, point)).map(<[u8]>::to_vec)
            }
            _ => None,
        };
        raw.map_or(value, Value::Bytes)
    }

    /// How many copies of a private or secret key of the token may be elsewhere (CKA_COFFER_COPIES); nothing for other
    /// objects, and without a login.
    fn known_copies(&self, object: &Object) -> Result<Option<u64>> {
        let is_key = matches!(object.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY);
        if !is_key || !object.is_true(CKA_TOKEN) || self.token.is_locked() {
            return Ok(None);
        }
        let unique_id = String::from_utf8_lossy(object.attributes().bytes(CKA_UNIQUE_ID).unwrap_or_default());
        let known = copies::of_key(&self.token, &unique_id)?;
        Ok(Some(copies::outstanding(known.iter().map(|(_, copies)| copies))))
    }

    /// C_SetAttributeValue: all of the template or nothing.
    pub fn set_attribute_values(&self, handle: ObjectHandle, template: &Template) -> Result<()> {
        self.check_made(handle)?;
        let object = self.token.object(handle)?;
        if object.is_true(CKA_TOKEN) {
            self.need_read_write()?;
        }
        self.unless_refused(&object, &format!("change {}", names(template)), || {
            may_alter(self.token.role(), &object, Function::Change)?;
            self.token.change(handle, |object| {
                let attributes = rules::set(object, template, &self.creator())?;
                self.token.profile().check_change(object.attributes(), &attributes)?;
                self.token.validity().check_change(object.attributes(), &attributes)?;
                Ok(attributes)
            })
        })
    }

    /// C_FindObjectsInit.
    pub fn find_init(&self, search: &SearchTemplate) -> Result<()> {
        let mut state = self.state();
        if state.find.is_some() {
            return Err(Error::OperationActive);
        }
        let found = match built_in::find(search, &self.config, self.token.signs_statefully()) {
            Some(found) => found,
            None => self.token.find(search)?,
        };
        state.find = Some(found.into());
        Ok(())
    }

    /// C_FindObjects: at most `most` handles; none when all have been given out.
    pub fn find(&self, most: usize) -> Result<Vec<ObjectHandle>> {
        let mut state = self.state();
        let found = state.find.as_mut().ok_or(Error::OperationNotInitialized)?;
        Ok(found.drain(..most.min(found.len())).collect())
    }

    /// C_FindObjectsFinal.
    pub fn find_final(&self) -> Result<()> {
        self.state().find.take().map(|_| ()).ok_or(Error::OperationNotInitialized)
    }

    fn built_in(&self, handle: ObjectHandle) -> Option<Attributes> {
        built_in::attributes(handle, &self.config, self.token.signs_statefully())
    }

    /// Errors: CKR_ACTION_PROHIBITED for an object that is built in.
    fn check_made(&self, handle: ObjectHandle) -> Result<()> {
        match self.built_in(handle) {
            Some(_) => Err(Error::ActionProhibited),
            None => Ok(()),
        }
    }

    /// What the rules for new objects need to know of who makes them.
    pub(super) fn creator(&self) -> Creator<'static> {
        Creator {
            security_officer: self.token.role().may(Function::Trust),
            defaults: self.token.profile().defaults(),
            now: self.config.clock.now(),
            computed: &computed::Engine,
        }
    }

    /// Whether this session may make such an object (table "Access to different types of objects").
    /// Errors: CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN.
    pub(super) fn may_create(&self, attributes: &Attributes, source: Source) -> Result<()> {
        if attributes.is_true(CKA_TOKEN) {
            self.need_read_write()?;
        }
        may_make(self.token.role(), attributes.is_true(CKA_TOKEN), attributes.is_true(CKA_PRIVATE))
            .and_then(|()| self.token.profile().check_new(attributes, source))
            .inspect_err(|error| self.tell_refused(attributes, "make", *error))
    }

    /// Makes one object of finished attributes.
    pub(super) fn keep(&self, attributes: Attributes, source: Source) -> Result<ObjectHandle> {
        self.may_create(&attributes, source)?;
        let handles = self.create_objects(vec![attributes], source)?;
        handles.first().copied().ok_or(Error::GeneralError)
    }

    /// Makes objects, all or none of them. Errors besides those of the token: CKR_SESSION_CLOSED where the session was closed
    /// meanwhile, and its objects with it.
    pub(super) fn create_objects(
        &self,
        objects: Vec<Attributes>,
        source: Source,
    ) -> Result<Vec<ObjectHandle>> {
        let handles = self.token.create_objects(objects, self.handle, source)?;
        self.still_open().map(|()| handles)
    }

    /// Errors: CKR_SESSION_CLOSED, and what was made for the session is gone.
    fn still_open(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            self.token.drop_session_objects(self.handle);
            return Err(Error::SessionClosed);
        }
        Ok(())
    }
}

/// The attributes of a template, for people.
fn names(template: &Template) -> String {
    let name = |id| attribute::lookup(id).map_or("another attribute", |info| info.name);
    template.attributes().iter().map(|(id, _)| name(id)).collect::<Vec<_>>().join(", ")
}
