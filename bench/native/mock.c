/* A model provider that costs almost nothing: one thread, epoll, fixed answers. Benchmarks only, loopback only.
 *
 *   mock PORT CHUNKS DELAY_US
 *
 * POST .../messages speaks Anthropic's wire, every other POST OpenAI's. `"stream":true` in the body asks for CHUNKS
 * deltas, one write each, DELAY_US apart, numbered " t00000" upwards so that a loader can tell lost or reordered ones.
 * A request body over 50 KB is answered with about 100 KB.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 65536
#define IN_SIZE (512 * 1024)
#define BIG_BODY 50000

typedef unsigned long long u64;
typedef struct { int fd, gen, sent, streaming, anthropic; size_t n, out_at, out_n; char *in, *out; size_t out_cap; } conn;
typedef struct { u64 due; int fd, gen; } tick;

static conn *conns[MAX_FD];
static tick *ticks;
static size_t tick_head, tick_tail, tick_cap = 1 << 20;
static int chunks, delay_us, ep, generation;
static char small_openai[2048], small_anthropic[2048], *big;
static int small_openai_n, small_anthropic_n, big_n;

static u64 now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void drop(conn *c) {
    conns[c->fd] = NULL;
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static void watch(conn *c, int writing) {
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.fd = c->fd};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}

/* Write what is queued; 0 done or waiting, -1 the peer is gone. */
static int flush(conn *c) {
    while (c->out_at < c->out_n) {
        ssize_t w = write(c->fd, c->out + c->out_at, c->out_n - c->out_at);
        if (w < 0) {
            if (errno != EAGAIN) return -1;
            watch(c, 1);
            return 0;
        }
        c->out_at += w;
    }
    if (c->out_n) watch(c, 0);
    c->out_at = c->out_n = 0;
    return 0;
}

static int put(conn *c, const char *data, size_t n) {
    if (c->out_at == c->out_n) {
        ssize_t w = write(c->fd, data, n);
        if (w < 0 && errno != EAGAIN) return -1;
        if (w > 0) data += w, n -= w;
        if (!n) return 0;
    }
    if (c->out_n + n > c->out_cap) {
        c->out_cap = (c->out_n + n) * 2;
        c->out = realloc(c->out, c->out_cap);
    }
    memcpy(c->out + c->out_n, data, n);
    c->out_n += n;
    watch(c, 1);
    return 0;
}

static int frame(char *out, const char *event, const char *json) {
    char text[900];
    int n = event ? snprintf(text, sizeof text, "event: %s\ndata: %s\n\n", event, json) : snprintf(text, sizeof text, "data: %s\n\n", json);
    return sprintf(out, "%x\r\n%s\r\n", n, text);
}

static int openai_chunk(char *out, int number) {
    char json[512];
    sprintf(json,
            "{\"id\":\"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8\",\"object\":\"chat.completion.chunk\",\"created\":1730000000,"
            "\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" t%05d\"},"
            "\"logprobs\":null,\"finish_reason\":null}]}", number);
    return frame(out, NULL, json);
}

static int anthropic_chunk(char *out, int number) {
    char json[512];
    sprintf(json, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" t%05d\"}}", number);
    return frame(out, "content_block_delta", json);
}

static int stream_start(conn *c) {
    char out[2048];
    int n = sprintf(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                         "transfer-encoding: chunked\r\nx-request-id: req_0123456789abcdef\r\n\r\n");
    if (c->anthropic) {
        n += frame(out + n, "message_start",
                   "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"type\":\"message\",\"role\":\"assistant\","
                   "\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                   "\"usage\":{\"input_tokens\":182,\"output_tokens\":1}}}");
        n += frame(out + n, "content_block_start",
                   "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
    }
    return put(c, out, n);
}

static int stream_end(conn *c) {
    char out[2048];
    int n = 0;
    if (c->anthropic) {
        n += frame(out + n, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
        n += frame(out + n, "message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                                             "\"stop_sequence\":null},\"usage\":{\"output_tokens\":50}}");
        n += frame(out + n, "message_stop", "{\"type\":\"message_stop\"}");
    } else {
        n += frame(out + n, NULL,
                   "{\"id\":\"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8\",\"object\":\"chat.completion.chunk\",\"created\":1730000000,"
                   "\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
        n += frame(out + n, NULL,
                   "{\"id\":\"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8\",\"object\":\"chat.completion.chunk\",\"created\":1730000000,"
                   "\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":182,\"completion_tokens\":50,"
                   "\"total_tokens\":232}}");
        n += frame(out + n, NULL, "[DONE]");
    }
    n += sprintf(out + n, "0\r\n\r\n");
    c->streaming = 0;
    return put(c, out, n);
}

static int stream_step(conn *c) {
    char out[1024];
    while (c->sent < chunks) {
        int n = c->anthropic ? anthropic_chunk(out, c->sent) : openai_chunk(out, c->sent);
        c->sent++;
        if (put(c, out, n) < 0) return -1;
        if (delay_us) {
            ticks[tick_tail++ % tick_cap] = (tick){now_us() + delay_us, c->fd, c->gen};
            return 0;
        }
    }
    return stream_end(c);
}

static int answer(conn *c, size_t head_n, size_t body_n) {
    const char *body = c->in + head_n;
    c->anthropic = memmem(c->in, head_n, "/messages", 9) != NULL;
    c->streaming = memmem(body, body_n, "\"stream\":true", 13) || memmem(body, body_n, "\"stream\": true", 14);
    if (c->streaming) {
        c->gen = ++generation;
        c->sent = 0;
        if (stream_start(c) < 0) return -1;
        if (!delay_us) return stream_step(c);
        ticks[tick_tail++ % tick_cap] = (tick){now_us() + delay_us, c->fd, c->gen};
        return 0;
    }
    if (body_n > BIG_BODY) return put(c, big, big_n);
    return c->anthropic ? put(c, small_anthropic, small_anthropic_n) : put(c, small_openai, small_openai_n);
}

/* Answer every whole request in the buffer. A chunked body ends with the empty chunk (bodies here hold no CRLF). */
static int receive(conn *c) {
    for (;;) {
        char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
        if (!end) return 0;
        size_t head_n = end - c->in + 4, body_n = 0, total;
        int chunked = 0;
        for (char *p = c->in; p < end;) {
            char *line_end = memchr(p, '\n', end - p + 2);
            if (!strncasecmp(p, "content-length:", 15)) body_n = atol(p + 15);
            if (!strncasecmp(p, "transfer-encoding:", 18)) chunked = 1;
            p = line_end + 1;
        }
        if (chunked) {
            char *last = memmem(c->in + head_n, c->n - head_n, "\r\n0\r\n\r\n", 7);
            if (!last) return 0;
            total = last + 7 - c->in;
            body_n = total - head_n;
        } else {
            total = head_n + body_n;
            if (c->n < total) return 0;
        }
        if (answer(c, head_n, body_n) < 0) return -1;
        memmove(c->in, c->in + total, c->n - total);
        c->n -= total;
    }
}

static int whole(char *out, const char *json) {
    return sprintf(out, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
                        "x-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 1\r\n\r\n%s", strlen(json), json);
}

static void prepare(void) {
    const char *openai =
        "{\"id\":\"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8\",\"object\":\"chat.completion\",\"created\":1730000000,"
        "\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\","
        "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":182,"
        "\"completion_tokens\":34,\"total_tokens\":216},\"system_fingerprint\":\"fp_0ba0d124f1\"}";
    const char *text = "A token bucket refills at a steady rate and lets short bursts through; the gateway uses one so that "
                       "many tenants can share one upstream without any of them starving the others for long.";
    static char json[256 * 1024], filler[100 * 1024];
    sprintf(json, openai, text);
    small_openai_n = whole(small_openai, json);
    sprintf(json, "{\"id\":\"msg_01\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\","
                  "\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
                  "\"usage\":{\"input_tokens\":182,\"output_tokens\":34}}", text);
    small_anthropic_n = whole(small_anthropic, json);
    memset(filler, 'x', sizeof filler - 1);
    sprintf(json, openai, filler);
    big = malloc(sizeof json + 512);
    big_n = whole(big, json);
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "mock PORT CHUNKS DELAY_US\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    chunks = atoi(argv[2]);
    delay_us = atoi(argv[3]);
    ticks = calloc(tick_cap, sizeof *ticks);
    prepare();
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) return perror("mock"), 1;
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[1024];
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int timeout = -1;
        if (tick_head < tick_tail) {
            u64 now = now_us(), due = ticks[tick_head % tick_cap].due;
            timeout = due <= now ? 0 : (int)((due - now + 999) / 1000);
        }
        int n = epoll_wait(ep, events, 1024, timeout);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                for (int f; (f = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0;) {
                    if (f >= MAX_FD) { close(f); continue; }
                    setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    conn *c = calloc(1, sizeof *c);
                    c->fd = f;
                    c->in = malloc(IN_SIZE);
                    conns[f] = c;
                    struct epoll_event add = {.events = EPOLLIN, .data.fd = f};
                    epoll_ctl(ep, EPOLL_CTL_ADD, f, &add);
                }
                continue;
            }
            conn *c = conns[fd];
            if (!c) continue;
            if ((events[i].events & EPOLLOUT) && flush(c) < 0) { drop(c); continue; }
            if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            ssize_t r = read(fd, c->in + c->n, IN_SIZE - c->n);
            if (r < 0 && errno == EAGAIN) continue;
            if (r <= 0 || (c->n += r, receive(c) < 0)) drop(c);
        }
        for (u64 now = now_us(); tick_head < tick_tail && ticks[tick_head % tick_cap].due <= now; tick_head++) {
            tick t = ticks[tick_head % tick_cap];
            conn *c = conns[t.fd];
            if (c && c->streaming && c->gen == t.gen && stream_step(c) < 0) drop(c);
        }
    }
}
