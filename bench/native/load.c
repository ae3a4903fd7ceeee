/* A load generator for proxies: one thread, epoll. Benchmarks only, loopback only.
 *
 *   load closed|rate|sse PORT CONNECTIONS SECONDS RATE BODY_FILE PATH [HEADER_FILE]
 *
 * closed  every connection sends its next request when the last one is answered
 * rate    RATE requests a second whatever happens; latency counts from the planned send time, so that waiting in a
 *         queue is not hidden
 * sse     like closed; counts chunks, and checks that " t00000", " t00001", ... arrive in order and to the end
 *
 * HEADER_FILE holds extra header lines, each ended by CRLF. Prints one JSON object; times are microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

#define IN_SIZE (512 * 1024)
#define SAMPLES 4000000

typedef unsigned long long u64;
typedef struct {
    int fd, busy, head_done, chunked, got_first, status, state, expected, tail_n;
    long left;
    size_t n, request_at;
    u64 start, last_data, chunk_left;
    char tail[16], *in;
} conn;

static conn *all;
static char *request;
static int request_n, port, ep, sse;
static u64 begin_us, end_us, sent, answered, counted, bad, errors, reconnects, frames, frames_counted, disorder, truncated;
static unsigned *latency, *first, *gap;
static size_t latency_n, first_n, gap_n;

static u64 now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static int dial(conn *c) {
    int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&a, sizeof a)) return close(c->fd), -1;
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
    c->busy = 0;
    return 0;
}

static void push(conn *c) {
    while (c->request_at < (size_t)request_n) {
        ssize_t w = write(c->fd, request + c->request_at, request_n - c->request_at);
        if (w < 0) {
            if (errno != EAGAIN) { errors++; return; }
            break;
        }
        c->request_at += w;
    }
    struct epoll_event e = {.events = EPOLLIN | (c->request_at < (size_t)request_n ? EPOLLOUT : 0), .data.ptr = c};
    if (request_n > 60000) epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}

static void start(conn *c, u64 when) {
    c->busy = 1;
    c->head_done = c->chunked = c->got_first = c->status = c->state = c->expected = c->tail_n = 0;
    c->n = c->request_at = 0;
    c->chunk_left = 0;
    c->left = -1;
    c->start = when;
    c->last_data = 0;
    sent++;
    push(c);
}

/* Look at every " tNNNNN" of the payload; a mark may be cut by a read, so 8 bytes are carried over. */
static void check_frames(conn *c, const char *data, size_t n) {
    char joined[64];
    size_t take = n < 32 ? n : 32;
    memcpy(joined, c->tail, c->tail_n);
    memcpy(joined + c->tail_n, data, take);
    size_t limit = c->tail_n + take;
    const char *spans[2] = {joined, data};
    size_t sizes[2] = {limit, n}, from[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const char *p = spans[i] + from[i], *end = spans[i] + sizes[i];
        while ((p = memmem(p, end - p, " t", 2)) && p + 8 <= end) {
            int digits = 1;
            for (int k = 2; k < 7; k++) digits &= p[k] >= '0' && p[k] <= '9';
            int straddles = i == 0 && p < joined + c->tail_n;
            if (digits && p[7] == '"' && (straddles || i == 1)) {
                if (atoi(p + 2) != c->expected) disorder++;
                c->expected = atoi(p + 2) + 1;
                frames++;
                if (now_us() > begin_us) frames_counted++;
            }
            p += 2;
        }
    }
    size_t keep = 7;
    if (n >= keep) {
        memcpy(c->tail, data + n - keep, keep);
        c->tail_n = keep;
    } else {
        size_t total = c->tail_n + n, cut = total > keep ? total - keep : 0;
        char moved[32];
        memcpy(moved, c->tail, c->tail_n);
        memcpy(moved + c->tail_n, data, n);
        memcpy(c->tail, moved + cut, total - cut);
        c->tail_n = total - cut;
    }
}

static void note_data(conn *c, const char *data, size_t n) {
    u64 t = now_us();
    if (sse) {
        if (!c->got_first) {
            if (t > begin_us && first_n < SAMPLES) first[first_n++] = t - c->start;
        } else if (t > begin_us && c->last_data && gap_n < SAMPLES)
            gap[gap_n++] = t - c->last_data;
        check_frames(c, data, n);
    }
    c->got_first = 1;
    c->last_data = t;
}

/* 1 when the message is complete. */
static int body(conn *c, const char *p, size_t n) {
    if (!c->chunked) {
        size_t take = (long)n < c->left ? n : (size_t)c->left;
        if (take) note_data(c, p, take);
        c->left -= take;
        return c->left == 0;
    }
    for (size_t i = 0; i < n;) {
        if (c->state == 0) { /* size line */
            char ch = p[i++];
            if (ch == '\n') c->state = c->chunk_left ? 1 : 3;
            else if (ch != '\r') c->chunk_left = c->chunk_left * 16 + (ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10);
        } else if (c->state == 1) { /* data */
            size_t take = n - i < c->chunk_left ? n - i : c->chunk_left;
            note_data(c, p + i, take);
            i += take;
            if (!(c->chunk_left -= take)) c->state = 2;
        } else if (p[i++] == '\n') { /* the line end after data, or after the last chunk */
            if (c->state == 3) return 1;
            c->state = 0;
        }
    }
    return 0;
}

static int head(conn *c) { /* 1 complete with nothing to follow, 0 go on, -1 not there yet */
    char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
    if (!end) return -1;
    size_t head_n = end - c->in + 4;
    c->head_done = 1;
    c->status = atoi(c->in + 9);
    for (char *p = c->in; p < end;) {
        char *line_end = memchr(p, '\n', end - p + 2);
        if (!strncasecmp(p, "content-length:", 15)) c->left = atol(p + 15);
        if (!strncasecmp(p, "transfer-encoding:", 18)) c->chunked = 1;
        p = line_end + 1;
    }
    int done = !c->chunked && c->left == 0;
    if (!done && c->n > head_n) done = body(c, c->in + head_n, c->n - head_n);
    c->n = 0;
    return done;
}

static void finish(conn *c, int expected_frames) {
    u64 t = now_us();
    c->busy = 0;
    answered++;
    if (sse && expected_frames && c->expected != expected_frames) truncated++;
    if (c->status != 200) bad++;
    if (t > begin_us && t <= end_us) {
        counted++;
        if (latency_n < SAMPLES) latency[latency_n++] = t - c->start;
    }
}

static int by_size(const void *a, const void *b) {
    unsigned x = *(unsigned *)a, y = *(unsigned *)b;
    return x < y ? -1 : x > y;
}

static unsigned quantile(unsigned *v, size_t n, double q) { return n ? v[(size_t)(q * (n - 1))] : 0; }

int main(int argc, char **argv) {
    if (argc < 8) return fprintf(stderr, "load closed|rate|sse PORT CONNECTIONS SECONDS RATE BODY_FILE PATH [HEADER_FILE]\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    int open_loop = !strcmp(argv[1], "rate"), count = atoi(argv[3]);
    int expected_frames = getenv("LOAD_FRAMES") ? atoi(getenv("LOAD_FRAMES")) : 0;
    double seconds = atof(argv[4]), rate = atof(argv[5]);
    sse = !strcmp(argv[1], "sse");
    port = atoi(argv[2]);
    static char content[400000], extra[8192];
    FILE *f = fopen(argv[6], "rb");
    if (!f) return perror(argv[6]), 1;
    int content_n = fread(content, 1, sizeof content, f);
    fclose(f);
    if (argc > 8 && (f = fopen(argv[8], "rb"))) { fread(extra, 1, sizeof extra - 1, f); fclose(f); }
    request = malloc(content_n + 16384);
    request_n = sprintf(request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"
                                 "Content-Type: application/json\r\n%sContent-Length: %d\r\n\r\n", argv[7], port, extra, content_n);
    memcpy(request + request_n, content, content_n);
    request_n += content_n;
    latency = malloc(SAMPLES * 4), first = malloc(SAMPLES * 4), gap = malloc(SAMPLES * 4);
    all = calloc(count, sizeof *all);
    ep = epoll_create1(0);
    conn **idle = malloc(sizeof(conn *) * count);
    int idle_n = 0;
    for (int i = 0; i < count; i++) {
        all[i].in = malloc(IN_SIZE);
        if (dial(&all[i])) return perror("connect"), 1;
    }
    u64 t0 = now_us();
    begin_us = t0 + (u64)((seconds > 6 ? 1.0 : 0.3) * 1e6);
    end_us = begin_us + (u64)(seconds * 1e6);
    double next = t0, step = open_loop ? 1e6 / rate : 0;
    u64 *planned = malloc(8 * SAMPLES);
    size_t planned_head = 0, planned_tail = 0;
    for (int i = 0; i < count; i++) {
        if (open_loop) idle[idle_n++] = &all[i];
        else start(&all[i], now_us());
    }
    struct epoll_event events[1024];
    for (u64 t; (t = now_us()) < end_us;) {
        struct timespec wait = {0, 100000000};
        if (open_loop) {
            for (; next <= t; next += step) if (planned_tail < SAMPLES) planned[planned_tail++] = (u64)next;
            while (planned_head < planned_tail && idle_n > 0) start(idle[--idle_n], planned[planned_head++]);
            double left = next - now_us();
            wait.tv_nsec = left > 0 ? (long)(left * 1000) % 1000000000 : 0;
        }
        int n = epoll_pwait2(ep, events, 1024, &wait, NULL);
        for (int i = 0; i < n; i++) {
            conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) push(c);
            if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            ssize_t r = read(c->fd, c->in + c->n, IN_SIZE - c->n - 1);
            if (r < 0 && errno == EAGAIN) continue;
            if (r <= 0) {
                int was_busy = c->busy;
                close(c->fd);
                reconnects++;
                if (was_busy) errors++;
                if (dial(c) && (usleep(1000), dial(c))) continue;
                if (!open_loop) start(c, now_us());
                else if (was_busy) idle[idle_n++] = c;
                continue;
            }
            if (!c->busy) continue;
            int done;
            if (c->head_done) done = body(c, c->in, r);
            else { c->n += r; done = head(c); }
            if (done > 0) {
                finish(c, expected_frames);
                if (open_loop) idle[idle_n++] = c;
                else start(c, now_us());
            }
        }
    }
    double elapsed = (now_us() - begin_us) / 1e6;
    qsort(latency, latency_n, 4, by_size), qsort(first, first_n, 4, by_size), qsort(gap, gap_n, 4, by_size);
    printf("{\"sent\":%llu,\"answered\":%llu,\"counted\":%llu,\"seconds\":%.3f,\"per_second\":%.1f,\"not_200\":%llu,\"errors\":%llu,"
           "\"reconnects\":%llu,\"backlog\":%zu,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"max\":%u,\"frames\":%llu,\"frames_per_second\":%.1f,"
           "\"disorder\":%llu,\"truncated\":%llu,\"first_p50\":%u,\"first_p99\":%u,\"gap_p50\":%u,\"gap_p99\":%u}\n",
           sent, answered, counted, elapsed, counted / elapsed, bad, errors, reconnects, planned_tail - planned_head,
           quantile(latency, latency_n, .5), quantile(latency, latency_n, .9), quantile(latency, latency_n, .99),
           quantile(latency, latency_n, 1), frames, frames_counted / elapsed, disorder, truncated, quantile(first, first_n, .5),
           quantile(first, first_n, .99), quantile(gap, gap_n, .5), quantile(gap, gap_n, .99));
    return 0;
}
