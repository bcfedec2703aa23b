/* Closed-loop load on a broker: keeps a fixed number of requests in flight, waits for every reply, and prints the rate with
 * latency percentiles. In C on librabbitmq, so that it is not what is measured.
 *
 *   cc -O2 -o load benchmarks/load.c -lrabbitmq        (Debian: apt-get install librabbitmq-dev)
 */
#define _GNU_SOURCE
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHANNEL = 1, FRAME_MAX = 131072, PREFETCH = 200, BODY_MAX = 8192, ID_MAX = 64, ANSWER_SECONDS = 60 };

static const char USAGE[] =
    "usage: load PORT EXCHANGE ROUTING_KEY COUNT IN_FLIGHT [ACTION]\n"
    "       load PORT echo QUEUE\n"
    "\n"
    "The first form sends COUNT persistent requests to EXCHANGE with ROUTING_KEY, IN_FLIGHT of them at any time, takes the\n"
    "replies by direct reply-to, and prints replies per second with the percentiles of the time that each one took.\n"
    "ACTION is a v1 action: create_task (default), or any that takes empty data, such as health_check.\n"
    "The environment variable TOKEN goes into \"auth\".\n"
    "\n"
    "The second form is a worker that answers each request of QUEUE with the request's own body, until it is stopped:\n"
    "the fastest that this broker lets anyone be. It declares QUEUE durable where it does not exist.\n"
    "\n"
    "Broker: 127.0.0.1:PORT, user guest, virtual host /.\n"
    "Exit code: 0 all replies came, 1 broker lost or silent for a minute, 2 wrong use.\n";

typedef struct {
    amqp_connection_state_t connection;
    const char *exchange, *routing_key, *action, *token;
    int count, in_flight;
    int sent, received, errors;
    double *started, *took; /* seconds, by the request's number and by the reply's */
} load_t;

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int positive(const char *text, const char *what) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 1 || value > 100000000) {
        fprintf(stderr, "load: %s must be a positive number, not \"%s\"\n\n%s", what, text, USAGE);
        exit(2);
    }
    return (int)value;
}

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) die("out of memory");
    return memory;
}

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) die("%s: %s", what, amqp_error_string2(reply.library_error));
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        amqp_channel_close_t *close = reply.reply.decoded;
        die("%s: %.*s", what, (int)close->reply_text.len, (const char *)close->reply_text.bytes);
    }
    die("%s: the broker closed the connection", what);
}

static amqp_connection_state_t dial(int port) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (socket == NULL || amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK)
        die("no broker at 127.0.0.1:%d", port);
    check(amqp_login(connection, "/", 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(connection, CHANNEL);
    check(amqp_get_rpc_reply(connection), "opening a channel");
    return connection;
}

static void consume(amqp_connection_state_t connection, const char *queue, bool no_ack) {
    amqp_basic_consume(connection, CHANNEL, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, no_ack, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(connection), queue);
}

static amqp_envelope_t take(amqp_connection_state_t connection, const struct timeval *limit) {
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(connection);
    check(amqp_consume_message(connection, &envelope, limit, 0), "waiting for a message");
    return envelope;
}

static bool declare(amqp_connection_state_t connection, const char *queue) {
    const amqp_boolean_t passive = 0, durable = 1;
    amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(queue), passive, durable, 0, 0, amqp_empty_table);
    return amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL;
}

static void echo(int port, const char *queue) {
    amqp_connection_state_t connection = dial(port);
    /* A queue that is there with other arguments, such as a quorum queue, is as good, but asking has closed the channel. */
    if (!declare(connection, queue)) {
        amqp_destroy_connection(connection);
        connection = dial(port);
    }
    amqp_basic_qos(connection, CHANNEL, 0, PREFETCH, 0);
    check(amqp_get_rpc_reply(connection), "prefetch");
    consume(connection, queue, false);
    for (;;) {
        amqp_envelope_t request = take(connection, NULL);
        amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG};
        properties.correlation_id = request.message.properties.correlation_id;
        amqp_basic_publish(connection, CHANNEL, amqp_empty_bytes, request.message.properties.reply_to, 0, 0, &properties,
                           request.message.body);
        amqp_basic_ack(connection, CHANNEL, request.delivery_tag, 0);
        amqp_destroy_envelope(&request);
    }
}

static void send_request(load_t *load) {
    char id[ID_MAX], body[BODY_MAX];
    const char *data = strcmp(load->action, "create_task") == 0 ? "{\"title\":\"Buy milk\",\"description\":\"demo task\"}" : "{}";
    snprintf(id, sizeof id, "load-%d-%ld-%d", (int)getpid(), (long)time(NULL), load->sent);
    int size = snprintf(body, sizeof body, "{\"id\":\"%s\",\"version\":\"v1\",\"action\":\"%s\",\"data\":%s,\"auth\":\"%s\"}", id,
                        load->action, data, load->token);
    if (size >= (int)sizeof body) die("the request with this TOKEN is longer than %d bytes", BODY_MAX);
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_CONTENT_TYPE_FLAG,
        .correlation_id = amqp_cstring_bytes(id),
        .reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to"),
        .delivery_mode = 2,
        .content_type = amqp_cstring_bytes("application/json"),
    };
    amqp_bytes_t content = {.len = (size_t)size, .bytes = body};
    load->started[load->sent++] = now();
    int status = amqp_basic_publish(load->connection, CHANNEL, amqp_cstring_bytes(load->exchange),
                                    amqp_cstring_bytes(load->routing_key), 0, 0, &properties, content);
    if (status != AMQP_STATUS_OK) die("publishing: %s", amqp_error_string2(status));
}

/* The number of the request that a reply belongs to: the last part of its correlation id. */
static int number_of(amqp_bytes_t correlation_id, int sent) {
    char text[ID_MAX] = {0};
    memcpy(text, correlation_id.bytes, correlation_id.len < ID_MAX - 1 ? correlation_id.len : ID_MAX - 1);
    char *dash = strrchr(text, '-');
    int number = dash ? atoi(dash + 1) : -1;
    if (number < 0 || number >= sent) die("a reply with an unknown correlation id: \"%s\"", text);
    return number;
}

static void take_reply(load_t *load) {
    static const char ERROR[] = "\"status\":\"error\"";
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    amqp_envelope_t reply = take(load->connection, &limit);
    amqp_bytes_t body = reply.message.body;
    int number = number_of(reply.message.properties.correlation_id, load->sent);
    load->took[load->received++] = now() - load->started[number];
    if (memmem(body.bytes, body.len, ERROR, sizeof ERROR - 1) != NULL && load->errors++ == 0)
        fprintf(stderr, "first error reply: %.*s\n", (int)body.len, (const char *)body.bytes);
    amqp_destroy_envelope(&reply);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void run(load_t *load) {
    double start = now();
    while (load->received < load->count) {
        while (load->sent < load->count && load->sent - load->received < load->in_flight) send_request(load);
        take_reply(load);
    }
    double seconds = now() - start;
    qsort(load->took, (size_t)load->count, sizeof *load->took, by_value);
    printf("%.0f replies/s, %d in flight, p50 %.2f ms, p99 %.2f ms, %d error replies\n", load->count / seconds, load->in_flight,
           load->took[load->count / 2] * 1e3, load->took[(int)(load->count * 0.99)] * 1e3, load->errors);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[2], "echo") == 0) echo(positive(argv[1], "PORT"), argv[3]);
    if (argc < 6 || argc > 7) {
        fputs(USAGE, stderr);
        return 2;
    }
    const char *token = getenv("TOKEN");
    load_t load = {
        .exchange = argv[2],
        .routing_key = argv[3],
        .action = argc > 6 ? argv[6] : "create_task",
        .token = token ? token : "",
        .count = positive(argv[4], "COUNT"),
        .in_flight = positive(argv[5], "IN_FLIGHT"),
    };
    load.connection = dial(positive(argv[1], "PORT"));
    load.started = zeroed((size_t)load.count, sizeof *load.started);
    load.took = zeroed((size_t)load.count, sizeof *load.took);
    consume(load.connection, "amq.rabbitmq.reply-to", true);
    run(&load);
    amqp_connection_close(load.connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(load.connection);
    free(load.started);
    free(load.took);
    return 0;
}
