/* A C program that loads a PKCS#11 module with dlopen and uses it as a C application does: function lists and their
 * sizes, a token from nothing, keys, signatures, encryption, threads, fork, and loading and unloading while a thread
 * lives. It compiles against include/ alone and reads nothing else of the project.
 *
 * usage: token MODULE PART        PART is one of the names in `parts` below; prints one line a check and the count */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coffer.h"

static int passed, failed;
static const char *path;
static void *library;
static CK_FUNCTION_LIST_PTR p11;

static void check(int good, const char *sentence)
{
    if (good) {
        passed++;
        printf("ok %d %s\n", passed + failed, sentence);
    } else {
        failed++;
        printf("FAIL %d %s\n", passed + failed, sentence);
    }
    fflush(stdout);
}

static void check_rv(CK_RV expected, CK_RV actual, const char *sentence)
{
    check(expected == actual, sentence);
    if (expected != actual) printf("       wanted 0x%lx, got 0x%lx\n", expected, actual);
    fflush(stdout);
}

static void give_up(const char *why)
{
    printf("FAIL %s\n", why);
    printf("%d checks passed, %d failed\n", passed, failed + 1);
    exit(1);
}

/* A function of the library by its name, without converting an object pointer to a function pointer. */
static void load_symbol(const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
}

static void load(void)
{
    CK_C_GetFunctionList get = NULL;
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) give_up(dlerror());
    load_symbol("C_GetFunctionList", &get);
    if (!get || get(&p11) != CKR_OK) give_up("C_GetFunctionList");
}

/* ---- the function lists */

static void lists(void)
{
    CK_C_GetInterfaceList get_list = NULL;
    CK_C_GetInterface get = NULL;
    CK_INTERFACE_PTR one = NULL;
    CK_INTERFACE all[16];
    CK_ULONG count = 0, i;
    CK_VERSION version = {3, 2};
    unsigned char zero[sizeof(CK_VOID_PTR)] = {0};
    CK_FUNCTION_LIST_3_2_PTR list;

    check(sizeof(CK_FUNCTION_LIST) == (1 + 68) * sizeof(void *), "the list of 2.40 has 68 functions");
    check(sizeof(CK_FUNCTION_LIST_3_0) == (1 + 92) * sizeof(void *), "the list of 3.0 has 92 functions");
    check(sizeof(CK_FUNCTION_LIST_3_2) == (1 + 104) * sizeof(void *), "the list of 3.2 has 104 functions");
    check(sizeof(CK_ATTRIBUTE) == 3 * sizeof(void *), "an attribute is three words");
    check(p11->version.major == 2, "C_GetFunctionList gives the list of 2.x");

    load_symbol("C_GetInterfaceList", &get_list);
    load_symbol("C_GetInterface", &get);
    if (!get_list || !get) {
        printf("(this module is older than PKCS#11 3.0)\n");
        return;
    }
    check_rv(CKR_OK, get_list(NULL, &count), "C_GetInterfaceList tells how many there are");
    check(count >= 3 && count <= 16, "three interfaces at least: 2.40, 3.0 and 3.2");
    if (count > 1) {
        CK_ULONG too_few = count - 1;
        check_rv(CKR_BUFFER_TOO_SMALL, get_list(all, &too_few), "a list that is too short is refused");
        check(too_few == count, "with the right count");
    }
    count = 16;
    check_rv(CKR_OK, get_list(all, &count), "C_GetInterfaceList fills the list");
    for (i = 0; i < count; i++) {
        CK_VERSION v;
        size_t functions, f;
        int empty = 0;
        memcpy(&v, all[i].pFunctionList, sizeof v);
        functions = v.major == 2 ? 68 : v.minor == 0 || v.minor == 1 ? 92 : 104;
        for (f = 0; f < functions; f++)
            empty += !memcmp((char *)all[i].pFunctionList + (f + 1) * sizeof zero, zero, sizeof zero);
        printf("(interface %s %d.%d)\n", (char *)all[i].pInterfaceName, v.major, v.minor);
        check(!empty, "every function of the interface is there");
    }
    check_rv(CKR_OK, get(NULL, NULL, &one, 0), "C_GetInterface gives a default");
    check_rv(CKR_OK, get((CK_UTF8CHAR_PTR)"PKCS 11", &version, &one, 0), "C_GetInterface gives 3.2 when asked");
    list = one->pFunctionList;
    check(list->version.major == 3 && list->version.minor == 2, "and it is 3.2");
    version.minor = 9;
    check(get((CK_UTF8CHAR_PTR)"PKCS 11", &version, &one, 0) != CKR_OK, "a version that does not exist is refused");
    check(get((CK_UTF8CHAR_PTR)"Other 11", NULL, &one, 0) != CKR_OK, "a name that does not exist is refused");
    check(list->C_Sign != NULL && list->C_EncapsulateKey != NULL, "its functions can be called");
}

/* ---- a token and a session on it */

static CK_UTF8CHAR so_pin[] = "12345678", user_pin[] = "1234";
static CK_SLOT_ID slot;

static const char label[] = "c program                       "; /* 32 bytes, padded with blanks */

/* Finds the token by its label: some modules give a new token another slot at the next C_Initialize. */
static int find_token(void)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64, i;
    if (p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) give_up("C_GetSlotList");
    for (i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && !memcmp(info.label, label, sizeof info.label)) {
            slot = slots[i];
            return 1;
        }
    }
    return 0;
}

static void initialise(void)
{
    CK_C_INITIALIZE_ARGS arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CKF_OS_LOCKING_OK;
    if (p11->C_Initialize(&arguments) != CKR_OK) give_up("C_Initialize");
    find_token();
}

/* A fresh token in a free slot, with both PINs. */
static void make_token(void)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64, i;
    CK_SESSION_HANDLE session;
    if (p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) give_up("C_GetSlotList");
    for (i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && !(info.flags & CKF_TOKEN_INITIALIZED)) break;
    }
    if (i == count) give_up("no free slot");
    if (p11->C_InitToken(slots[i], so_pin, 8, (CK_UTF8CHAR_PTR)label) != CKR_OK) give_up("C_InitToken");
    if (!find_token()) give_up("the token is not found again");
    check(slot == slots[i], "the token appears in the slot that it was made in");
    if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK) give_up("C_OpenSession");
    if (p11->C_Login(session, CKU_SO, so_pin, 8) != CKR_OK) give_up("C_Login as SO");
    if (p11->C_InitPIN(session, user_pin, 4) != CKR_OK) give_up("C_InitPIN");
    p11->C_Logout(session);
    p11->C_CloseSession(session);
}

static CK_SESSION_HANDLE open_session(void)
{
    CK_SESSION_HANDLE session;
    if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK) give_up("C_OpenSession");
    return session;
}

static CK_SESSION_HANDLE login(void)
{
    CK_SESSION_HANDLE session = open_session();
    CK_RV rv = p11->C_Login(session, CKU_USER, user_pin, 4);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) give_up("C_Login");
    return session;
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static CK_RV make_ec(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {
        {CKA_EC_PARAMS, p256, sizeof p256}, {CKA_TOKEN, &no, sizeof no}, {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_SIGN, &yes, sizeof yes}};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, 3, private_template, 2, public_key, private_key);
}

static CK_RV make_aes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *key)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG length = 32;
    CK_ATTRIBUTE template_[] = {{CKA_VALUE_LEN, &length, sizeof length},
                                {CKA_TOKEN, &no, sizeof no},
                                {CKA_ENCRYPT, &yes, sizeof yes},
                                {CKA_DECRYPT, &yes, sizeof yes}};
    return p11->C_GenerateKey(session, &mechanism, template_, 4, key);
}

/* ---- what every application does */

static void basics(void)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE public_key, private_key, aes;
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_BYTE digest[32], signature[128], iv[12] = {1}, plain[1000], sealed[1100], opened[1100], random[64] = {0};
    CK_ULONG length = 0, i;
    CK_GCM_PARAMS gcm;
    CK_MECHANISM aes_gcm = {CKM_AES_GCM, &gcm, sizeof gcm};
    CK_INFO info;
    struct timespec start, end;
    double microseconds;

    check_rv(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_GetInfo(&info), "nothing works before C_Initialize");
    initialise();
    check_rv(CKR_CRYPTOKI_ALREADY_INITIALIZED, p11->C_Initialize(NULL), "a second C_Initialize says so");
    check_rv(CKR_OK, p11->C_GetInfo(&info), "C_GetInfo");
    make_token();
    session = open_session();
    check_rv(CKR_PIN_INCORRECT, p11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR) "9999", 4), "a wrong PIN is refused");
    check_rv(CKR_OK, p11->C_Login(session, CKU_USER, user_pin, 4), "the right PIN logs in");
    check_rv(CKR_USER_ALREADY_LOGGED_IN, p11->C_Login(session, CKU_USER, user_pin, 4), "a second login says so");
    check_rv(CKR_FUNCTION_NOT_PARALLEL, p11->C_GetFunctionStatus(session), "C_GetFunctionStatus is of the past");

    clock_gettime(CLOCK_MONOTONIC, &start);
    check_rv(CKR_OK, p11->C_GenerateRandom(session, random, sizeof random), "random bytes");
    clock_gettime(CLOCK_MONOTONIC, &end);
    microseconds = (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
    printf("(first random bytes after %.0f microseconds)\n", microseconds);
    check(microseconds < 1000, "within a millisecond");

    check_rv(CKR_OK, make_ec(session, &public_key, &private_key), "an EC key pair");
    memset(digest, 7, sizeof digest);
    check_rv(CKR_OK, p11->C_SignInit(session, &ecdsa, private_key), "C_SignInit");
    check_rv(CKR_OK, p11->C_Sign(session, digest, 32, NULL, &length), "C_Sign tells the length");
    check(length == 64, "64 bytes");
    length = 10;
    check_rv(CKR_BUFFER_TOO_SMALL, p11->C_Sign(session, digest, 32, signature, &length), "a short buffer is refused");
    length = sizeof signature;
    check_rv(CKR_OK, p11->C_Sign(session, digest, 32, signature, &length), "and the operation goes on: C_Sign");
    check_rv(CKR_OPERATION_NOT_INITIALIZED, p11->C_Sign(session, digest, 32, signature, &length), "which ends it");
    check_rv(CKR_OK, p11->C_VerifyInit(session, &ecdsa, public_key), "C_VerifyInit");
    check_rv(CKR_OK, p11->C_Verify(session, digest, 32, signature, 64), "C_Verify");
    signature[10] ^= 1;
    check_rv(CKR_OK, p11->C_VerifyInit(session, &ecdsa, public_key), "C_VerifyInit");
    check_rv(CKR_SIGNATURE_INVALID, p11->C_Verify(session, digest, 32, signature, 64), "a flipped bit is found");

    check_rv(CKR_OK, make_aes(session, &aes), "an AES key");
    for (i = 0; i < sizeof plain; i++) plain[i] = (CK_BYTE)i;
    memset(&gcm, 0, sizeof gcm);
    gcm.pIv = iv;
    gcm.ulIvLen = sizeof iv;
    gcm.ulIvBits = 8 * sizeof iv;
    gcm.pAAD = digest;
    gcm.ulAADLen = sizeof digest;
    gcm.ulTagBits = 128;
    check_rv(CKR_OK, p11->C_EncryptInit(session, &aes_gcm, aes), "C_EncryptInit with GCM");
    length = sizeof sealed;
    check_rv(CKR_OK, p11->C_Encrypt(session, plain, sizeof plain, sealed, &length), "C_Encrypt");
    check(length == sizeof plain + 16, "the tag is appended");
    check_rv(CKR_OK, p11->C_DecryptInit(session, &aes_gcm, aes), "C_DecryptInit");
    length = sizeof opened;
    check_rv(CKR_OK, p11->C_Decrypt(session, sealed, sizeof plain + 16, opened, &length), "C_Decrypt");
    check(length == sizeof plain && !memcmp(opened, plain, sizeof plain), "it is the same");
    sealed[3] ^= 1;
    check_rv(CKR_OK, p11->C_DecryptInit(session, &aes_gcm, aes), "C_DecryptInit");
    length = sizeof opened;
    check(p11->C_Decrypt(session, sealed, sizeof plain + 16, opened, &length) != CKR_OK, "a flipped bit is found");
    check_rv(CKR_OK, p11->C_CloseAllSessions(slot), "C_CloseAllSessions");
    check_rv(CKR_SESSION_HANDLE_INVALID, p11->C_CloseSession(session), "the session is gone");
    for (i = 0; i < 20; i++) {
        if (p11->C_Finalize(NULL) != CKR_OK) break;
        initialise();
        p11->C_CloseSession(login());
    }
    check(i == 20, "20 times C_Finalize, C_Initialize and a login");
    check_rv(CKR_OK, p11->C_Finalize(NULL), "C_Finalize");
    check_rv(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_Finalize(NULL), "a second C_Finalize says so");
}

/* ---- threads */

enum { THREADS = 8, ROUNDS = 200 };
static CK_OBJECT_HANDLE shared_public, shared_private;
static atomic_int wrong;
static atomic_int stop;

static void *sign_and_verify(void *argument)
{
    CK_SESSION_HANDLE session = open_session();
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_BYTE digest[32], signature[64];
    CK_ULONG length;
    int i;
    memset(digest, (int)(size_t)argument, sizeof digest);
    for (i = 0; i < ROUNDS; i++) {
        length = sizeof signature;
        digest[0] = (CK_BYTE)i;
        if (p11->C_SignInit(session, &ecdsa, shared_private) != CKR_OK || p11->C_Sign(session, digest, 32, signature, &length) != CKR_OK ||
            p11->C_VerifyInit(session, &ecdsa, shared_public) != CKR_OK || p11->C_Verify(session, digest, 32, signature, length) != CKR_OK)
            wrong++;
    }
    if (p11->C_CloseSession(session) != CKR_OK) wrong++;
    return NULL;
}

/* Calls in, whatever the answer, until it is told to stop. */
static void *call_in(void *argument)
{
    (void)argument;
    while (!stop) {
        CK_SESSION_HANDLE session;
        CK_BYTE random[16];
        CK_INFO info;
        p11->C_GetInfo(&info);
        if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK) {
            p11->C_GenerateRandom(session, random, sizeof random);
            p11->C_CloseSession(session);
        }
    }
    return NULL;
}

static void threads(void)
{
    pthread_t thread[THREADS];
    CK_SESSION_HANDLE session;
    int i;
    initialise();
    make_token();
    session = login();
    if (make_ec(session, &shared_public, &shared_private) != CKR_OK) give_up("C_GenerateKeyPair");
    for (i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, sign_and_verify, (void *)(size_t)i);
    for (i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    check(wrong == 0, "8 threads sign and verify 200 times each with one key");
    for (i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, call_in, NULL);
    for (i = 0; i < 50; i++) {
        if (p11->C_Finalize(NULL) != CKR_OK) wrong++;
        initialise();
    }
    stop = 1;
    for (i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    check(wrong == 0, "50 times C_Finalize and C_Initialize while 8 threads call in");
    check_rv(CKR_OK, p11->C_Finalize(NULL), "C_Finalize");
}

/* ---- fork: the child must initialise, and the parent goes on */

static int child_works(void)
{
    CK_INFO info;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE public_key, private_key;
    if (p11->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED) return 10;
    initialise();
    session = login();
    if (make_ec(session, &public_key, &private_key) != CKR_OK) return 11;
    shared_public = public_key;
    shared_private = private_key;
    sign_and_verify((void *)1);
    if (wrong) return 12;
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 13;
}

static void forks(void)
{
    CK_SESSION_HANDLE session;
    pid_t children[4];
    int i, status, good = 0;
    pthread_t thread[2];
    initialise();
    make_token();
    session = login();
    if (make_ec(session, &shared_public, &shared_private) != CKR_OK) give_up("C_GenerateKeyPair");
    for (i = 0; i < 2; i++) pthread_create(&thread[i], NULL, call_in, NULL);
    for (i = 0; i < 4; i++) {
        fflush(stdout);
        children[i] = fork();
        if (children[i] == 0) _exit(child_works());
    }
    sign_and_verify((void *)2);
    check(wrong == 0, "the parent signs while its children start");
    for (i = 0; i < 4; i++) {
        waitpid(children[i], &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) good++;
        else printf("(child %d: %s %d)\n", i, WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    check(good == 4, "each of 4 children must initialise, then logs in and signs");
    stop = 1;
    for (i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    sign_and_verify((void *)3);
    check(wrong == 0, "the parent signs after they ended");
    fflush(stdout);
    if (fork() == 0) exit(0); /* with the atexit handlers and destructors of the library */
    wait(&status);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child that never calls in ends in good order");
    check_rv(CKR_OK, p11->C_Finalize(NULL), "C_Finalize");
}

/* ---- loading and unloading while a thread lives that has used the library */

static pthread_barrier_t used, unloaded;

static void *use_and_stay(void *argument)
{
    CK_SESSION_HANDLE session = open_session();
    CK_BYTE random[16];
    (void)argument;
    if (p11->C_GenerateRandom(session, random, sizeof random) != CKR_OK) wrong++;
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&unloaded);
    return NULL; /* thread-local destructors, if the library had any, would run here: after dlclose */
}

static void unloading(void)
{
    int i;
    pthread_barrier_init(&used, NULL, 2);
    pthread_barrier_init(&unloaded, NULL, 2);
    initialise();
    make_token();
    p11->C_Finalize(NULL);
    dlclose(library);
    for (i = 0; i < 50; i++) {
        pthread_t thread;
        load();
        initialise();
        pthread_create(&thread, NULL, use_and_stay, NULL);
        pthread_barrier_wait(&used);
        if (p11->C_Finalize(NULL) != CKR_OK) wrong++;
        if (dlclose(library) != 0) wrong++;
        pthread_barrier_wait(&unloaded);
        pthread_join(thread, NULL);
    }
    check(wrong == 0, "50 times dlopen, use in a thread, dlclose, and the thread ends after it");
    load();
    initialise();
    p11->C_CloseSession(login());
    check(1, "and it works once more");
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {{"lists", lists}, {"basics", basics}, {"threads", threads}, {"forks", forks}, {"unloading", unloading}};

int main(int count, char **arguments)
{
    size_t i;
    if (count != 3) {
        fprintf(stderr, "usage: token MODULE PART\n");
        return 2;
    }
    path = arguments[1];
    load();
    for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(arguments[2], parts[i].name)) continue;
        parts[i].run();
        printf("%d checks passed, %d failed\n", passed, failed);
        return failed != 0;
    }
    fprintf(stderr, "no part named %s\n", arguments[2]);
    return 2;
}
