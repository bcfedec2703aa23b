#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* HTTP/1.1 with kept connections. Each connection has one request in flight, so that a reply belongs to the request before it. */

enum { ROOM = 65536, IDLE = -1 };

typedef struct {
    int socket, number; /* number of the request in flight, or IDLE */
    size_t size;        /* bytes of the reply that came so far */
    char reply[ROOM];
} line_t;

static int dial_http(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, made = socket(AF_INET, SOCK_STREAM, 0);
    if (made < 0 || connect(made, (struct sockaddr *)&to, sizeof to) != 0) die("connecting to port %d: %s", port, strerror(errno));
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return made;
}

static void send_all(int to, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t sent = send(to, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) die("sending: %s", strerror(errno));
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void post(load_t *load, line_t *line, double since) {
    const options_t *options = load->options;
    make_room(load);
    request_t request = next_request(load);
    char id[ID_MAX], head[512 + ID_MAX];
    write_id(options, request.number, id);
    if (load->body == NULL) {
        load->room = sizeof head + 4096 + 2 * ID_MAX + options->size + strlen(options->token);
        load->body = zeroed(2 * load->room, 1);
    }
    char *data = load->body + load->room;
    int size = write_data(load, &request, id, data, load->room);
    const char *bearer = *options->token ? "Authorization: Bearer " : "", *end = *options->token ? "\r\n" : "";
    int whole = snprintf(load->body, load->room,
                         "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                         "Idempotency-Key: \"%s\"\r\n%s%s%sContent-Length: %d\r\n\r\n%s",
                         options->routing_key, options->port, id, bearer, options->token, end, size, data);
    remember(load, &request, since);
    line->number = request.number;
    line->size = 0;
    send_all(line->socket, load->body, (size_t)whole);
}

/* Returns the bytes before the reply's body, and the size of the body; 0 if the head has not come in full. */
static size_t head_of(const line_t *line, size_t *body) {
    static const char LENGTH[] = "\r\ncontent-length:";
    const char *end = memmem(line->reply, line->size, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    for (const char *at = line->reply; at < end; at++)
        if (*at == '\r' && strncasecmp(at, LENGTH, sizeof LENGTH - 1) == 0) {
            *body = strtoul(at + sizeof LENGTH - 1, NULL, 10);
            return (size_t)(end + 4 - line->reply);
        }
    die("a reply has no Content-Length: %.*s", (int)(end - line->reply), line->reply);
}

static void complain(int *counter, const char *what, const line_t *line) {
    if ((*counter)++ == 0) fprintf(stderr, "load: first %s: %.*s\n", what, (int)(line->size < 1024 ? line->size : 1024), line->reply);
}

static void judge_reply(load_t *load, const line_t *line, size_t head) {
    char id[ID_MAX], quoted[ID_MAX + 2];
    open_t *asked = &load->open[line->number];
    write_id(load->options, line->number, id);
    snprintf(quoted, sizeof quoted, "\"%s\"", id);
    load->end = now();
    load->took[load->counts.replies++] = (float)(load->end - asked->since);
    asked->since = 0;
    asked->answered = true;
    if (line->reply[9] != '2')
        complain(&load->counts.errors, "error", line);
    else if (!fits(load, asked, quoted, line->reply + head, line->size - head))
        complain(&load->counts.wrong, "reply that does not answer the request", line);
}

/* Reads what has come; returns whether the reply is complete. */
static bool take_part(load_t *load, line_t *line) {
    ssize_t came = recv(line->socket, line->reply + line->size, ROOM - 1 - line->size, 0);
    if (came < 0 && errno == EINTR) return false;
    if (came <= 0) die("the server closed a connection: %s", came < 0 ? strerror(errno) : "end of stream");
    line->size += (size_t)came;
    line->reply[line->size] = 0;
    size_t body = 0, head = head_of(line, &body);
    if (head + body >= ROOM || line->size == ROOM - 1) die("a reply is larger than %d bytes", ROOM);
    if (head == 0 || line->size < head + body) return false;
    if (line->number == IDLE || line->size > head + body) die("a reply to nobody: %.200s", line->reply);
    judge_reply(load, line, head);
    line->number = IDLE;
    return true;
}

static void take_ready(load_t *load, line_t *lines, int count) {
    if (poll(load->polls, (nfds_t)count, 100) <= 0) return;
    for (int each = 0; each < count; each++)
        if (load->polls[each].revents != 0 && take_part(load, &lines[each]) && !all_sent(load, load->end))
            post(load, &lines[each], now());
}

void ask_over_http(load_t *load) {
    const options_t *options = load->options;
    int count = options->in_flight;
    line_t *lines = zeroed((size_t)count, sizeof *lines);
    load->polls = zeroed((size_t)count, sizeof *load->polls);
    for (int each = 0; each < count; each++) {
        lines[each].socket = dial_http(options->port);
        lines[each].number = IDLE;
        load->polls[each] = (struct pollfd){.fd = lines[each].socket, .events = POLLIN};
    }
    load->start = load->end = now();
    for (int each = 0; each < count && !all_sent(load, load->start); each++) post(load, &lines[each], now());
    while (now() - load->end < options->limit && !(waiting(load) == 0 && all_sent(load, now()))) take_ready(load, lines, count);
    for (int each = 0; each < count; each++) close(lines[each].socket);
    free(lines);
}
