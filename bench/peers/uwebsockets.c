/* uWebSockets by its C interface, as it is in the native library of the Python package socketify.
 *
 *     cc -O2 uwebsockets.c PATH/libsocketify_linux_amd64.so -luv -o uwebsockets
 *     uwebsockets REDIS_PORT INTERVAL_MS
 *
 * Heartbeat messages are on time to the millisecond, as with a timer for each connection; but there is only one, for the
 * next that is due. There is no Redis client for its loop: commands are written by hand, those of one turn together.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What is used of the library's interface. */
struct options { const char *key, *cert, *passphrase, *dh, *ca, *ciphers; int low_memory; };
typedef struct app app; typedef struct ws ws; typedef struct res res; typedef struct req req;
typedef struct { int port; const char *host; int options; } listen_config;
typedef void (*ws_handler)(ws *, void *);
typedef void (*message_handler)(ws *, const char *, size_t, int, void *);
typedef void (*ping_handler)(ws *, const char *, size_t, void *);
typedef struct {
    int compression;
    unsigned int max_payload_length;
    unsigned short idle_timeout;
    unsigned int max_backpressure;
    bool close_on_backpressure_limit, reset_idle_timeout_on_send, send_pings_automatically;
    unsigned short max_lifetime;
    void (*upgrade)(res *, req *, void *, void *);
    ws_handler open;
    message_handler message;
    ws_handler drain;
    ping_handler ping, pong;
    void (*close)(ws *, int, const char *, size_t, void *);
    void (*subscription)(ws *, const char *, size_t, int, int, void *);
} behavior;
app *uws_create_app(int ssl, struct options);
void uws_ws(int ssl, app *, const char *pattern, behavior, void *);
void uws_app_listen_with_config(int ssl, app *, listen_config, void (*)(void *, listen_config, void *), void *);
void uws_app_run(int ssl, app *);
size_t uws_req_get_header(req *, const char *name, size_t length, const char **value);
void uws_res_upgrade(int ssl, res *, void *data, const char *key, size_t key_length, const char *protocol,
    size_t protocol_length, const char *extensions, size_t extensions_length, void *context);
void *uws_ws_get_user_data(int ssl, ws *);
int uws_ws_send(int ssl, ws *, const char *message, size_t length, int opcode);
void *uws_get_loop(void);
void uws_loop_defer(void *loop, void (*)(void *), void *);
int us_socket_local_port(int ssl, void *socket);
void *us_create_timer(void *loop, int fallthrough, unsigned int ext_size);
void us_timer_set(void *timer, void (*)(void *), int ms, int repeat_ms);

enum { TEXT = 1 };

struct connection { ws *socket; uint64_t due; struct connection *previous, *next; };

static struct connection all = {.previous = &all, .next = &all};
static uint64_t interval;
static int redis;
static void *loop, *timer;
static char commands[4 << 20];
static size_t waiting;
static bool flush_is_due;

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void append(struct connection *it, uint64_t due) {
    it->due = due;
    it->previous = all.previous;
    it->next = &all;
    all.previous->next = it;
    all.previous = it;
}

static void take(struct connection *it) {
    it->previous->next = it->next;
    it->next->previous = it->previous;
}

/* Sends what waits for Redis and takes its answers, which nobody reads. */
static void flush(void *unused) {
    static char answers[1 << 16];
    (void)unused;
    flush_is_due = false;
    while (recv(redis, answers, sizeof answers, MSG_DONTWAIT) == sizeof answers) {}
    for (size_t sent = 0; sent < waiting;) {
        ssize_t written = send(redis, commands + sent, waiting - sent, MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR) { perror("Redis"); exit(1); }
        if (written > 0) sent += (size_t)written;
    }
    waiting = 0;
}

static void beat(void *);

/* Sets the timer to the first that is due. It takes 0 for never. */
static void wait_for_next(void) {
    if (all.next == &all) return;
    uint64_t now = now_ms(), due = all.next->due;
    us_timer_set(timer, beat, due > now ? (int)(due - now) : 1, 0);
}

static void beat(void *unused) {
    static const char heartbeat[] = "{\"heartbeat\":\"tick\"}";
    uint64_t now = now_ms();
    (void)unused;
    while (all.next != &all && all.next->due <= now) {
        struct connection *it = all.next;
        take(it);
        append(it, it->due + interval);
        uws_ws_send(0, it->socket, heartbeat, sizeof heartbeat - 1, TEXT);
    }
    wait_for_next();
}

static void on_upgrade(res *response, req *request, void *context, void *unused) {
    const char *key, *protocol, *extensions;
    size_t k = uws_req_get_header(request, "sec-websocket-key", 17, &key);
    size_t p = uws_req_get_header(request, "sec-websocket-protocol", 22, &protocol);
    size_t e = uws_req_get_header(request, "sec-websocket-extensions", 24, &extensions);
    (void)unused;
    uws_res_upgrade(0, response, calloc(1, sizeof(struct connection)), key, k, protocol, p, extensions, e, context);
}

static void on_open(ws *socket, void *unused) {
    struct connection *it = uws_ws_get_user_data(0, socket);
    (void)unused;
    it->socket = socket;
    append(it, now_ms() + interval);
    if (all.next == it) wait_for_next();
}

static void on_message(ws *socket, const char *message, size_t length, int opcode, void *unused) {
    static const char before[] = "\"session\":\"";
    const char *start = memmem(message, length, before, sizeof before - 1);
    (void)socket, (void)opcode, (void)unused;
    if (!start) return;
    start += sizeof before - 1;
    const char *end = memchr(start, '"', (size_t)(message + length - start));
    if (!end || end - start > 128) return;
    if (sizeof commands - waiting < 256) flush(NULL);
    waiting += (size_t)sprintf(commands + waiting, "*3\r\n$6\r\nEXPIRE\r\n$%d\r\nswampdragon:session:%.*s\r\n$4\r\n1800\r\n",
        (int)(end - start) + 20, (int)(end - start), start);
    if (!flush_is_due) {
        flush_is_due = true;
        uws_loop_defer(loop, flush, NULL);
    }
}

static void on_close(ws *socket, int code, const char *reason, size_t length, void *unused) {
    struct connection *it = uws_ws_get_user_data(0, socket);
    (void)code, (void)reason, (void)length, (void)unused;
    take(it);
    free(it);
}

static void on_listen(void *socket, listen_config config, void *unused) {
    (void)config, (void)unused;
    if (!socket) { fprintf(stderr, "no port\n"); exit(1); }
    printf("listening on 127.0.0.1:%d\n", us_socket_local_port(0, socket));
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count != 3) { fprintf(stderr, "REDIS_PORT INTERVAL_MS\n"); return 2; }
    interval = strtoull(arguments[2], NULL, 10);
    redis = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    setsockopt(redis, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(redis, (struct sockaddr *)&address, sizeof address)) { perror("Redis"); return 1; }

    loop = uws_get_loop();
    timer = us_create_timer(loop, 0, 0);
    app *server = uws_create_app(0, (struct options){0});
    behavior how = {
        .max_payload_length = 64 * 1024, .idle_timeout = 0, .max_backpressure = 64 * 1024,
        .upgrade = on_upgrade, .open = on_open, .message = on_message, .close = on_close,
    };
    uws_ws(0, server, "/*", how, NULL);
    uws_app_listen_with_config(0, server, (listen_config){0, "127.0.0.1", 0}, on_listen, NULL);
    uws_app_run(0, server);
    return 1;
}
