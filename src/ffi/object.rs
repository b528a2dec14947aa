//! Object management functions (PKCS#11 section 5.7).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::token::ObjectHandle;

use super::pointer::Out;
use super::template;

/// Most handles that one C_FindObjects hands out; a caller with room for more calls again.
const MAX_FOUND: usize = 1 << 16;

/// C_CreateObject.
pub(super) unsafe fn create(
    session: &Session,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    object: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_CreateObject describes its arguments.
    let (place, template) = unsafe { (Out::new(object)?, template::read(template, count)?) };
    place.write(session.create_object(&template)?.0);
    Ok(())
}

/// C_CopyObject.
pub(super) unsafe fn copy(
    session: &Session,
    original: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    object: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_CopyObject describes its arguments.
    let (place, template) = unsafe { (Out::new(object)?, template::read(template, count)?) };
    place.write(session.copy_object(ObjectHandle(original), &template)?.0);
    Ok(())
}

/// C_DestroyObject.
pub(super) unsafe fn destroy(session: &Session, object: CK_OBJECT_HANDLE) -> Result<()> {
    session.destroy_object(ObjectHandle(object))
}

/// C_GetObjectSize.
pub(super) unsafe fn size(session: &Session, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetObjectSize says.
    let place = unsafe { Out::new(size) }?;
    place.write(session.object_size(ObjectHandle(object))? as CK_ULONG);
    Ok(())
}

/// C_GetAttributeValue.
pub(super) unsafe fn attribute_values(
    session: &Session,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_GetAttributeValue describes its arguments; there is a value for each attribute asked for.
    unsafe {
        let asked = template::wanted(template, count)?;
        let types: Vec<_> = asked.iter().map(|attribute| attribute.type_).collect();
        let values = session.attribute_values(ObjectHandle(object), &types)?;
        template::write_back(template, asked, &values)
    }
}

/// C_SetAttributeValue.
pub(super) unsafe fn set_attribute_values(
    session: &Session,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_SetAttributeValue describes its arguments.
    let template = unsafe { template::read(template, count) }?;
    session.set_attribute_values(ObjectHandle(object), &template)
}

/// C_FindObjectsInit.
pub(super) unsafe fn find_init(
    session: &Session,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_FindObjectsInit describes its arguments.
    session.find_init(&unsafe { template::read_search(template, count) }?)
}

/// C_FindObjects.
pub(super) unsafe fn find(
    session: &Session,
    objects: *mut CK_OBJECT_HANDLE,
    most: CK_ULONG,
    count: *mut CK_ULONG,
) -> Result<()> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(MAX_FOUND);
    if objects.is_null() && most > 0 {
        return Err(Error::ArgumentsBad);
    }
    // SAFETY: `objects` has room for `most` handles and `count` is NULL or writable, as C_FindObjects says.
    unsafe {
        let place = Out::new(count)?;
        let found = session.find(most)?;
        for (index, handle) in found.iter().take(most).enumerate() {
            objects.add(index).write_unaligned(handle.0);
        }
        place.write(found.len() as CK_ULONG);
    }
    Ok(())
}

/// C_FindObjectsFinal.
pub(super) unsafe fn find_final(session: &Session) -> Result<()> {
    session.find_final()
}
