/*
 * A private key in a PKCS#11 token (an HSM), named by a URI of RFC 7512:
 *
 *   pkcs11:token=NAME;object=NAME?module-path=/path/module.so&pin-source=file:/path/pin
 *
 * Besides token= and object= the usual attributes narrow the choice (serial, manufacturer, model, id, slot-id, slot-...); exactly one
 * token and one private key on it must fit. pin-value= may stand for pin-source=. module-path= is a must.
 *
 * A token may be away when the program starts, and may go away at any time. Then there is no key and a reason; token_look(), called
 * from time to time, opens the module anew (C_Finalize, dlclose, dlopen, C_Initialize), for neither libp11 nor the modules that
 * speak with a daemon or the network find their sessions again by themselves. Each attempt without result doubles the time to
 * the next. A PIN that the token refused is never offered again by this process, and never when the token says that one try is left:
 * tokens lock.
 *
 * Threads: any number may sign with token_key() at once. libp11 0.4.12 takes a session of the slot's pool for each signature and gives it
 * back after it, under a lock of its own, and tells the module by CKF_OS_LOCKING_OK that threads call it; a seventeenth thread waits
 * for a session. So there is no lock here. One module must not be called by two threads: see token_is_serial(). token_look() and
 * token_lost() take the key away: nobody may sign meanwhile. Only token_reason() may be called from another thread at any time.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

struct token;

bool token_is_uri(const char *text);
/*
 * Reads URI and PIN, and touches no token. 0; -EINVAL: the operator's mistake, which *ret_why tells (a static text, without what the URI
 * says, for it may hold a PIN); -ENOMEM. The caller owns *ret.
 */
int token_new(struct token **ret, const char *uri, const char **ret_why);
void token_free(struct token *token);
/*
 * True for p11-kit-client.so, up to 0.24.1 and beyond: when its connection breaks, a thread that waits for the answer to another one's call
 * waits for ever, and the socket is closed while others read it, whose number may be another file's by then. Its server does one call at a time
 * for each client anyhow.
 */
bool token_is_serial(const struct token *token);
/*
 * Opens the token when its key is not there and the time of the next attempt has come. When it is there, asks it now and then whether it
 * still lives. 0: the key is there; -EAGAIN: the token is away; -EACCES: the token takes no PIN or not ours; -ENOENT: not one key, but none or
 * several fit. token_reason() says more.
 */
int token_look(struct token *token);
/* The key does not sign any more: nobody has it from here on; token_look() will find it again. */
void token_lost(struct token *token);
EVP_PKEY *token_key(const struct token *token); /* the token's, until token_lost() or token_look(); NULL: away */
const char *token_reason(struct token *token);  /* why there is no key, a static text; NULL: it is there */
