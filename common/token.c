#include "token.h"

#include <errno.h>
#include <libp11.h>
#include <openssl/err.h>
#include <p11-kit/uri.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "key.h"
#include "log.h"

#define PIN_BYTES_MAX 256
#define ATTEMPT_FIRST_USEC USEC_PER_SEC
#define ATTEMPT_MAX_USEC (30 * USEC_PER_SEC)
#define PROBE_USEC (10 * USEC_PER_SEC)

struct token {
    P11KitUri *uri;
    char pin[PIN_BYTES_MAX]; /* "": none */
    PKCS11_CTX *module;      /* NULL: not loaded */
    PKCS11_SLOT *slots;
    unsigned n_slots;
    PKCS11_SLOT *slot; /* among slots; NULL while away */
    EVP_PKEY *key;
    bool pin_refused;
    int64_t delay_usec, next_usec; /* monotonic: the next attempt, or the next probe of a key that is there */
    int64_t opened_usec;
    const char *_Atomic reason;
};

/* ---- what the operator wrote */

static const char *read_pin(struct token *t) {
    const char *source = p11_kit_uri_get_pin_source(t->uri), *value = p11_kit_uri_get_pin_value(t->uri);
    size_t len = value ? strlen(value) : 0;
    if (source && value)
        return "pin-source= or pin-value=, not both";
    if (len >= sizeof(t->pin))
        return "the PIN is too long";
    if (value)
        memcpy(t->pin, value, len + 1);
    if (!source)
        return NULL;
    if (strncmp(source, "file:", 5) == 0)
        source += 5;
    FILE *file = NULL;
    int r = source[0] == '/' ? key_file_open(source, &file) : -EINVAL;
    if (r < 0)
        return r == -EACCES   ? "the file of pin-source= must be one that only this user can read"
               : r == -EINVAL ? "pin-source= must be file:/path"
                              : "the file of pin-source= cannot be read";
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the PIN in a buffer that is not wiped */
    len = fread(t->pin, 1, sizeof(t->pin) - 1, file);
    bool whole = !ferror(file) && fgetc(file) == EOF;
    (void) fclose(file);
    t->pin[len] = '\0';
    t->pin[strcspn(t->pin, "\r\n")] = '\0';
    return whole && t->pin[0] != '\0' ? NULL : "the file of pin-source= holds no PIN";
}

static const char *read_uri(struct token *t, const char *text) {
    if (p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, t->uri) != P11_KIT_URI_OK)
        return "not a pkcs11: URI (RFC 7512)";
    if (p11_kit_uri_any_unrecognized(t->uri))
        return "the pkcs11: URI has an attribute that is not known";
    const char *module = p11_kit_uri_get_module_path(t->uri);
    if (!module || module[0] != '/')
        return "the pkcs11: URI names no module (?module-path=/path)";
    if (access(module, R_OK) < 0)
        return "the module of module-path= cannot be read";
    if (!p11_kit_uri_get_attribute(t->uri, CKA_LABEL) && !p11_kit_uri_get_attribute(t->uri, CKA_ID))
        return "the pkcs11: URI names no key (object= or id=)";
    const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(t->uri, CKA_CLASS);
    const CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
    if (class && (class->ulValueLen != sizeof(private) || memcmp(class->pValue, &private, sizeof(private)) != 0))
        return "the pkcs11: URI is of another type than private";
    return read_pin(t);
}

bool token_is_uri(const char *text) {
    return strncmp(text, "pkcs11:", 7) == 0;
}

static void set_reason(struct token *t, const char *reason) {
    atomic_store(&t->reason, reason);
}

int token_new(struct token **ret, const char *uri, const char **ret_why) {
    struct token *t = calloc(1, sizeof(*t));
    *ret_why = NULL;
    if (!t)
        return -ENOMEM;
    t->delay_usec = ATTEMPT_FIRST_USEC;
    set_reason(t, "the token has not been looked for");
    t->uri = p11_kit_uri_new();
    if (t->uri)
        *ret_why = read_uri(t, uri);
    if (!t->uri || *ret_why) {
        int r = t->uri ? -EINVAL : -ENOMEM;
        token_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

bool token_is_serial(const struct token *t) {
    const char *module = p11_kit_uri_get_module_path(t->uri);
    return strcmp(strrchr(module, '/'), "/p11-kit-client.so") == 0;
}

/* ---- which slot, which key */

/* The fields of PKCS#11 are filled up with spaces and have no end; libp11 has cut the spaces off. */
static void fill(unsigned char *field, size_t size, const char *text) {
    size_t len = text ? strlen(text) : 0;
    memset(field, ' ', size);
    memcpy(field, text ? text : "", len < size ? len : size);
}

static bool fits_slot(const struct token *t, PKCS11_SLOT *slot) {
    CK_TOKEN_INFO token = {0};
    CK_SLOT_INFO info = {0};
    CK_SLOT_ID id = p11_kit_uri_get_slot_id(t->uri);
    if (!slot->token || !slot->token->initialized)
        return false;
    fill(token.label, sizeof(token.label), slot->token->label);
    fill(token.manufacturerID, sizeof(token.manufacturerID), slot->token->manufacturer);
    fill(token.model, sizeof(token.model), slot->token->model);
    fill(token.serialNumber, sizeof(token.serialNumber), slot->token->serialnr);
    fill(info.slotDescription, sizeof(info.slotDescription), slot->description);
    fill(info.manufacturerID, sizeof(info.manufacturerID), slot->manufacturer);
    return (id == (CK_SLOT_ID) -1 || id == PKCS11_get_slotid_from_slot(slot)) &&
           p11_kit_uri_match_token_info(t->uri, &token) == 1 && p11_kit_uri_match_slot_info(t->uri, &info) == 1;
}

static bool fits_key(const struct token *t, const PKCS11_KEY *key) {
    const CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
    CK_OBJECT_CLASS class = private;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof(class)},
                                 {CKA_LABEL, key->label, key->label ? strlen(key->label) : 0},
                                 {CKA_ID, key->id, key->id_len}};
    return key->isPrivate && p11_kit_uri_match_attributes(t->uri, attributes, ARRAY_SIZE(attributes)) == 1;
}

/* ---- opening and closing */

static void close_module(struct token *t) {
    EVP_PKEY_free(t->key);
    if (t->slots)
        PKCS11_release_all_slots(t->module, t->slots, t->n_slots);
    if (t->module) {
        PKCS11_CTX_unload(t->module);
        PKCS11_CTX_free(t->module);
    }
    t->key = NULL;
    t->slot = NULL;
    t->slots = NULL;
    t->n_slots = 0;
    t->module = NULL;
    ERR_clear_error();
}

void token_free(struct token *t) {
    if (!t)
        return;
    close_module(t);
    p11_kit_uri_free(t->uri);
    OPENSSL_cleanse(t->pin, sizeof(t->pin));
    free(t);
}

static int away(struct token *t, const char *reason) {
    set_reason(t, reason);
    return -EAGAIN;
}

static int refused(struct token *t, const char *reason) {
    t->pin_refused = true;
    set_reason(t, reason);
    return -EACCES;
}

static int find_slot(struct token *t) {
    if (PKCS11_enumerate_slots(t->module, &t->slots, &t->n_slots) != 0) {
        t->slots = NULL;
        return away(t, "the PKCS#11 module lists no slots");
    }
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (!fits_slot(t, &t->slots[i]))
            continue;
        if (t->slot) {
            set_reason(t, "several tokens fit the pkcs11: URI (add serial=)");
            return -ENOENT;
        }
        t->slot = &t->slots[i];
    }
    return t->slot ? 0 : away(t, "the token is not there");
}

/* Did the token look at the PIN? What a broken line says is no answer to it; everything else is taken for a no. */
static bool is_refusal(unsigned long error) {
    if (error == 0 || ERR_GET_LIB(error) != ERR_get_CKR_code())
        return false;
    switch (ERR_GET_REASON(error)) {
    case CKR_HOST_MEMORY:
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_MEMORY:
    case CKR_DEVICE_REMOVED:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_COUNT:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return false;
    default:
        return true;
    }
}

static int log_in(struct token *t) {
    const PKCS11_TOKEN *token = t->slot->token;
    if (token->userPinLocked)
        return refused(t, "the token has locked its PIN");
    if (token->userPinFinalTry)
        return refused(t, "the token allows one more try of the PIN, which is left to its operator");
    if (token->loginRequired && t->pin[0] == '\0')
        return refused(t, "the token wants a PIN (pin-source=)");
    ERR_clear_error();
    if (PKCS11_open_session(t->slot, 0) != 0)
        return away(t, "the token opens no session");
    if (!token->loginRequired || PKCS11_login(t->slot, 0, t->pin) == 0)
        return 0;
    if (is_refusal(ERR_peek_last_error()))
        return refused(t, "the token refuses the PIN; it is not tried again before the next start");
    return away(t, "the token lets nobody log in");
}

static int find_key(struct token *t) {
    PKCS11_KEY *keys = NULL, *found = NULL;
    unsigned n = 0;
    if (PKCS11_enumerate_keys(t->slot->token, &keys, &n) != 0)
        return away(t, "the token lists no keys");
    for (unsigned i = 0; i < n; i++) {
        if (!fits_key(t, &keys[i]))
            continue;
        if (found) {
            set_reason(t, "several keys of the token fit the pkcs11: URI (add id=)");
            return -ENOENT;
        }
        found = &keys[i];
    }
    if (!found) {
        set_reason(t, "the token holds no such private key");
        return -ENOENT;
    }
    t->key = PKCS11_get_private_key(found);
    if (!t->key)
        return away(t, "the key of the token cannot be used");
    if (i2d_PUBKEY(t->key, NULL) > 0)
        return 0;
    set_reason(t, "the token holds no public half of the key (its public key object must be there too)");
    return -ENOENT;
}

static int open_module(struct token *t) {
    t->module = PKCS11_CTX_new();
    if (!t->module)
        return away(t, "no memory for the PKCS#11 module");
    if (PKCS11_CTX_load(t->module, p11_kit_uri_get_module_path(t->uri)) != 0) {
        PKCS11_CTX_free(t->module);
        t->module = NULL;
        return away(t, "the PKCS#11 module does not start");
    }
    int r = find_slot(t);
    if (r == 0)
        r = log_in(t);
    return r < 0 ? r : find_key(t);
}

static int attempt(struct token *t) {
    int64_t now = clock_monotonic_usec();
    int r = open_module(t);
    if (r == 0) {
        t->opened_usec = now;
        t->next_usec = now + PROBE_USEC;
        set_reason(t, NULL);
        return 0;
    }
    close_module(t);
    t->next_usec = clock_monotonic_usec() + t->delay_usec;
    t->delay_usec = 2 * t->delay_usec > ATTEMPT_MAX_USEC ? ATTEMPT_MAX_USEC : 2 * t->delay_usec;
    return r;
}

void token_lost(struct token *t) {
    int64_t now = clock_monotonic_usec();
    if (!t->key)
        return;
    /* A token that comes and goes is not asked without a pause; one that worked for a while is looked for at once. */
    if (now - t->opened_usec > ATTEMPT_MAX_USEC)
        t->delay_usec = ATTEMPT_FIRST_USEC;
    set_reason(t, "the token does not answer any more");
    close_module(t);
    t->next_usec = now + t->delay_usec;
    t->delay_usec = 2 * t->delay_usec > ATTEMPT_MAX_USEC ? ATTEMPT_MAX_USEC : 2 * t->delay_usec;
}

/* The cheapest question that goes through the session to the token itself. */
static bool is_alive(struct token *t) {
    unsigned char byte;
    bool alive = !t->slot->token->hasRng || PKCS11_generate_random(t->slot, &byte, 1) == 0;
    ERR_clear_error();
    return alive;
}

int token_look(struct token *t) {
    int64_t now = clock_monotonic_usec();
    if (t->pin_refused)
        return -EACCES;
    if (now < t->next_usec)
        return t->key ? 0 : -EAGAIN;
    if (!t->key)
        return attempt(t);
    if (is_alive(t)) {
        t->next_usec = now + PROBE_USEC;
        return 0;
    }
    token_lost(t);
    return -EAGAIN;
}

EVP_PKEY *token_key(const struct token *t) {
    return t->key;
}

const char *token_reason(struct token *t) {
    return atomic_load(&t->reason);
}
