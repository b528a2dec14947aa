/* The functions of PKCS#11 3.2 (OASIS), for programs that load Coffer or any other token.
 *
 * Every function is told once, in the lists below; prototypes, pointer types (CK_C_Sign for C_Sign) and the three
 * function lists are made from them. A token is a shared library: open it with dlopen, ask C_GetFunctionList or
 * C_GetInterface for a function list, and call through that.
 *
 * Copyright the Coffer authors. SPDX-License-Identifier: Apache-2.0 */
#ifndef COFFER_PKCS11_H
#define COFFER_PKCS11_H

#include "pkcs11t.h"

#ifdef __cplusplus
extern "C" {
#endif

/* PKCS#11 2.40: 68 functions, in the order of CK_FUNCTION_LIST */
#define CK_FUNCTIONS_2_40(F) \
    F(C_Initialize, (CK_VOID_PTR init_args)) \
    F(C_Finalize, (CK_VOID_PTR reserved)) \
    F(C_GetInfo, (CK_INFO_PTR info)) \
    F(C_GetFunctionList, (CK_FUNCTION_LIST_PTR_PTR list)) \
    F(C_GetSlotList, (CK_BBOOL token_present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count)) \
    F(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)) \
    F(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)) \
    F(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR mechanisms, CK_ULONG_PTR count)) \
    F(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism, CK_MECHANISM_INFO_PTR info)) \
    F(C_InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len, CK_UTF8CHAR_PTR label)) \
    F(C_InitPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)) \
    F(C_SetPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR old_pin, CK_ULONG old_pin_len, \
        CK_UTF8CHAR_PTR new_pin, CK_ULONG new_pin_len)) \
    F(C_OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, \
        CK_SESSION_HANDLE_PTR session)) \
    F(C_CloseSession, (CK_SESSION_HANDLE session)) \
    F(C_CloseAllSessions, (CK_SLOT_ID slot)) \
    F(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info)) \
    F(C_GetOperationState, (CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG_PTR state_len)) \
    F(C_SetOperationState, (CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG state_len, \
        CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)) \
    F(C_Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)) \
    F(C_Logout, (CK_SESSION_HANDLE session)) \
    F(C_CreateObject, (CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template_, CK_ULONG count, \
        CK_OBJECT_HANDLE_PTR object)) \
    F(C_CopyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template_, \
        CK_ULONG count, CK_OBJECT_HANDLE_PTR new_object)) \
    F(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)) \
    F(C_GetObjectSize, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG_PTR size)) \
    F(C_GetAttributeValue, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR \
        template_, CK_ULONG count)) \
    F(C_SetAttributeValue, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR \
        template_, CK_ULONG count)) \
    F(C_FindObjectsInit, (CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template_, CK_ULONG count)) \
    F(C_FindObjects, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG max_count, \
        CK_ULONG_PTR count)) \
    F(C_FindObjectsFinal, (CK_SESSION_HANDLE session)) \
    F(C_EncryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_Encrypt, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, \
        CK_ULONG_PTR output_len)) \
    F(C_EncryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR \
        output, CK_ULONG_PTR output_len)) \
    F(C_EncryptFinal, (CK_SESSION_HANDLE session, CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_DecryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_Decrypt, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, \
        CK_ULONG_PTR output_len)) \
    F(C_DecryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR \
        output, CK_ULONG_PTR output_len)) \
    F(C_DecryptFinal, (CK_SESSION_HANDLE session, CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_DigestInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism)) \
    F(C_Digest, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, \
        CK_ULONG_PTR output_len)) \
    F(C_DigestUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len)) \
    F(C_DigestKey, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)) \
    F(C_DigestFinal, (CK_SESSION_HANDLE session, CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_SignInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_Sign, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, \
        CK_ULONG_PTR output_len)) \
    F(C_SignUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len)) \
    F(C_SignFinal, (CK_SESSION_HANDLE session, CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_SignRecoverInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_SignRecover, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR \
        output, CK_ULONG_PTR output_len)) \
    F(C_VerifyInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_Verify, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR signature, \
        CK_ULONG signature_len)) \
    F(C_VerifyUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len)) \
    F(C_VerifyFinal, (CK_SESSION_HANDLE session, CK_BYTE_PTR signature, CK_ULONG signature_len)) \
    F(C_VerifyRecoverInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_VerifyRecover, (CK_SESSION_HANDLE session, CK_BYTE_PTR signature, CK_ULONG signature_len, \
        CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_DigestEncryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, \
        CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_DecryptDigestUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, \
        CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_SignEncryptUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR \
        output, CK_ULONG_PTR output_len)) \
    F(C_DecryptVerifyUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len, \
        CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_GenerateKey, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR template_, \
        CK_ULONG count, CK_OBJECT_HANDLE_PTR new_key)) \
    F(C_GenerateKeyPair, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR \
        public_template, CK_ULONG public_count, CK_ATTRIBUTE_PTR private_template, CK_ULONG \
        private_count, CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key)) \
    F(C_WrapKey, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE wrapping_key, \
        CK_OBJECT_HANDLE key, CK_BYTE_PTR wrapped, CK_ULONG_PTR wrapped_len)) \
    F(C_UnwrapKey, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE \
        unwrapping_key, CK_BYTE_PTR wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE_PTR template_, CK_ULONG \
        count, CK_OBJECT_HANDLE_PTR new_key)) \
    F(C_DeriveKey, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base_key, \
        CK_ATTRIBUTE_PTR template_, CK_ULONG count, CK_OBJECT_HANDLE_PTR new_key)) \
    F(C_SeedRandom, (CK_SESSION_HANDLE session, CK_BYTE_PTR seed, CK_ULONG seed_len)) \
    F(C_GenerateRandom, (CK_SESSION_HANDLE session, CK_BYTE_PTR output, CK_ULONG output_len)) \
    F(C_GetFunctionStatus, (CK_SESSION_HANDLE session)) \
    F(C_CancelFunction, (CK_SESSION_HANDLE session)) \
    F(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved))

/* PKCS#11 3.0 adds 24 */
#define CK_FUNCTIONS_3_0(F) \
    F(C_GetInterfaceList, (CK_INTERFACE_PTR interfaces, CK_ULONG_PTR count)) \
    F(C_GetInterface, (CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR interface_, \
        CK_FLAGS flags)) \
    F(C_LoginUser, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len, \
        CK_UTF8CHAR_PTR user_name, CK_ULONG user_name_len)) \
    F(C_SessionCancel, (CK_SESSION_HANDLE session, CK_FLAGS flags)) \
    F(C_MessageEncryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_EncryptMessage, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR associated_data, CK_ULONG associated_data_len, CK_BYTE_PTR input, CK_ULONG input_len, \
        CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_EncryptMessageBegin, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR associated_data, CK_ULONG associated_data_len)) \
    F(C_EncryptMessageNext, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, CK_ULONG_PTR output_len, CK_FLAGS \
        flags)) \
    F(C_MessageEncryptFinal, (CK_SESSION_HANDLE session)) \
    F(C_MessageDecryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_DecryptMessage, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR associated_data, CK_ULONG associated_data_len, CK_BYTE_PTR input, CK_ULONG input_len, \
        CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_DecryptMessageBegin, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR associated_data, CK_ULONG associated_data_len)) \
    F(C_DecryptMessageNext, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, CK_ULONG_PTR output_len, CK_FLAGS \
        flags)) \
    F(C_MessageDecryptFinal, (CK_SESSION_HANDLE session)) \
    F(C_MessageSignInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_SignMessage, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_SignMessageBegin, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len)) \
    F(C_SignMessageNext, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR output, CK_ULONG_PTR output_len)) \
    F(C_MessageSignFinal, (CK_SESSION_HANDLE session)) \
    F(C_MessageVerifyInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)) \
    F(C_VerifyMessage, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR signature, CK_ULONG signature_len)) \
    F(C_VerifyMessageBegin, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len)) \
    F(C_VerifyMessageNext, (CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len, \
        CK_BYTE_PTR input, CK_ULONG input_len, CK_BYTE_PTR signature, CK_ULONG signature_len)) \
    F(C_MessageVerifyFinal, (CK_SESSION_HANDLE session))

/* PKCS#11 3.2 adds 12 */
#define CK_FUNCTIONS_3_2(F) \
    F(C_EncapsulateKey, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE \
        public_key, CK_ATTRIBUTE_PTR template_, CK_ULONG count, CK_BYTE_PTR ciphertext, CK_ULONG_PTR \
        ciphertext_len, CK_OBJECT_HANDLE_PTR new_key)) \
    F(C_DecapsulateKey, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE \
        private_key, CK_ATTRIBUTE_PTR template_, CK_ULONG count, CK_BYTE_PTR ciphertext, CK_ULONG \
        ciphertext_len, CK_OBJECT_HANDLE_PTR new_key)) \
    F(C_VerifySignatureInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE \
        key, CK_BYTE_PTR signature, CK_ULONG signature_len)) \
    F(C_VerifySignature, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len)) \
    F(C_VerifySignatureUpdate, (CK_SESSION_HANDLE session, CK_BYTE_PTR input, CK_ULONG input_len)) \
    F(C_VerifySignatureFinal, (CK_SESSION_HANDLE session)) \
    F(C_GetSessionValidationFlags, (CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type, \
        CK_FLAGS_PTR flags)) \
    F(C_AsyncComplete, (CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function_name, CK_ASYNC_DATA_PTR \
        result)) \
    F(C_AsyncGetID, (CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function_name, CK_ULONG_PTR id)) \
    F(C_AsyncJoin, (CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function_name, CK_ULONG id, CK_BYTE_PTR \
        data, CK_ULONG data_len)) \
    F(C_WrapKeyAuthenticated, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE \
        wrapping_key, CK_OBJECT_HANDLE key, CK_BYTE_PTR associated_data, CK_ULONG associated_data_len, \
        CK_BYTE_PTR wrapped, CK_ULONG_PTR wrapped_len)) \
    F(C_UnwrapKeyAuthenticated, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE \
        unwrapping_key, CK_BYTE_PTR wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE_PTR template_, CK_ULONG \
        count, CK_BYTE_PTR associated_data, CK_ULONG associated_data_len, CK_OBJECT_HANDLE_PTR new_key))

#define CK_DECLARE_(name, arguments) \
    typedef CK_RV(*CK_##name) arguments; \
    extern CK_RV name arguments;
CK_FUNCTIONS_2_40(CK_DECLARE_)
CK_FUNCTIONS_3_0(CK_DECLARE_)
CK_FUNCTIONS_3_2(CK_DECLARE_)
#undef CK_DECLARE_

#define CK_MEMBER_(name, arguments) CK_##name name;
struct CK_FUNCTION_LIST {
    CK_VERSION version;
    CK_FUNCTIONS_2_40(CK_MEMBER_)
};

struct CK_FUNCTION_LIST_3_0 {
    CK_VERSION version;
    CK_FUNCTIONS_2_40(CK_MEMBER_)
    CK_FUNCTIONS_3_0(CK_MEMBER_)
};

struct CK_FUNCTION_LIST_3_2 {
    CK_VERSION version;
    CK_FUNCTIONS_2_40(CK_MEMBER_)
    CK_FUNCTIONS_3_0(CK_MEMBER_)
    CK_FUNCTIONS_3_2(CK_MEMBER_)
};
#undef CK_MEMBER_

#ifdef __cplusplus
}
#endif

#endif
