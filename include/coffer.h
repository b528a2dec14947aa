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

#endif
