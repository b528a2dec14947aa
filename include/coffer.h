/* What is Coffer's own beside PKCS#11: its names, its version, and the number that its vendor-defined types begin with.
 *
 * Copyright the Coffer authors. SPDX-License-Identifier: Apache-2.0 */
#ifndef COFFER_H
#define COFFER_H

#include "pkcs11.h"

/* The library's file name, as dlopen takes it once it is on the library path. */
#define COFFER_LIBRARY "libcoffer_pkcs11.so"

#define COFFER_VERSION_MAJOR 0
#define COFFER_VERSION_MINOR 1
#define COFFER_VERSION_PATCH 0
#define COFFER_VERSION "0.1.0"

/* Vendor-defined attributes, mechanisms and return values of Coffer are CKA_/CKM_/CKR_VENDOR_DEFINED (2^31) plus this
 * prefix ("COF" in ASCII, shifted by seven bits so that it stays below 2^31) plus a number below 128. */
#define CK_COFFER_PREFIX (0x434F46UL << 7)
#define COFFER_VENDOR_DEFINED (CKM_VENDOR_DEFINED | CK_COFFER_PREFIX)

/* Attributes of keys: their life (docs/lifecycle.md). Numbers are CK_ULONG, dates are CK_ULONG seconds since 1970 UTC, text is
 * UTF-8. One that is not set answers CKR_ATTRIBUTE_TYPE_INVALID. C_SetAttributeValue changes OWNER, CUSTODIAN and PURPOSE,
 * and brings dates (but CREATION_DATE, LAST_USED and EXCEPTION_UNTIL) and limits that are set to tighter values; templates
 * of new keys may give all of these. The rest is the token's. */
#define CKA_COFFER_STATE               (COFFER_VENDOR_DEFINED |  1UL) /* CK_ULONG: one of CK_COFFER_STATE_...; what is read is the state now */
#define CKA_COFFER_ACTIVATION_DATE     (COFFER_VENDOR_DEFINED |  2UL) /* from this second on the key may be used */
#define CKA_COFFER_PROTECT_STOP_DATE   (COFFER_VENDOR_DEFINED |  3UL) /* from this second on it protects no more */
#define CKA_COFFER_PROCESS_STOP_DATE   (COFFER_VENDOR_DEFINED |  4UL) /* from this second on it processes no more, either */
#define CKA_COFFER_CREATION_DATE       (COFFER_VENDOR_DEFINED |  5UL) /* when it came into the token */
#define CKA_COFFER_OWNER               (COFFER_VENDOR_DEFINED |  6UL) /* text: who answers for it */
#define CKA_COFFER_CUSTODIAN           (COFFER_VENDOR_DEFINED |  7UL) /* text: who looks after it */
#define CKA_COFFER_PURPOSE             (COFFER_VENDOR_DEFINED |  8UL) /* text: what it is for */
#define CKA_COFFER_VERSION             (COFFER_VENDOR_DEFINED |  9UL) /* counts its rotations, from 1 */
#define CKA_COFFER_PREDECESSOR         (COFFER_VENDOR_DEFINED | 10UL) /* text: CKA_UNIQUE_ID of the key that it replaces */
#define CKA_COFFER_SUCCESSOR           (COFFER_VENDOR_DEFINED | 11UL) /* text: CKA_UNIQUE_ID of the key that replaces it */
#define CKA_COFFER_USE_LIMIT           (COFFER_VENDOR_DEFINED | 12UL) /* how often it may protect */
#define CKA_COFFER_BYTE_LIMIT          (COFFER_VENDOR_DEFINED | 13UL) /* how many bytes it may encrypt and sign */
#define CKA_COFFER_USES                (COFFER_VENDOR_DEFINED | 14UL) /* uses so far, counted ahead */
#define CKA_COFFER_BYTES               (COFFER_VENDOR_DEFINED | 15UL) /* bytes so far, counted ahead */
#define CKA_COFFER_LAST_USED           (COFFER_VENDOR_DEFINED | 16UL) /* when uses of a key with a limit were counted last */
#define CKA_COFFER_COPIES              (COFFER_VENDOR_DEFINED | 17UL) /* known copies: wrapped, exported, backed up */
#define CKA_COFFER_STATE_REASON        (COFFER_VENDOR_DEFINED | 18UL) /* text: why it is in its state */
#define CKA_COFFER_EXCEPTION_UNTIL     (COFFER_VENDOR_DEFINED | 19UL) /* until this second a suspended or compromised key may process */
#define CKA_COFFER_ONE_TIME_KEYS_USED  (COFFER_VENDOR_DEFINED | 20UL) /* one-time keys of an HSS key that are gone: the next has this index */

/* The states of a key (NIST SP 800-57 Part 1). */
#define CK_COFFER_STATE_PRE_ACTIVE     1UL
#define CK_COFFER_STATE_ACTIVE         2UL
#define CK_COFFER_STATE_SUSPENDED      3UL
#define CK_COFFER_STATE_DEACTIVATED    4UL
#define CK_COFFER_STATE_COMPROMISED    5UL
#define CK_COFFER_STATE_DESTROYED      6UL

#endif
