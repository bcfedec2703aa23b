#define _GNU_SOURCE
#include "load.h"

#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

void make_room(load_t *load) {
    if (load->counts.sent < load->capacity) return;
    int larger = load->capacity ? 2 * load->capacity : 65536;
    load->open = resized(load->open, (size_t)larger, sizeof *load->open);
    memset(load->open + load->capacity, 0, (size_t)(larger - load->capacity) * sizeof *load->open);
    load->took = resized(load->took, (size_t)larger, sizeof *load->took);
    load->capacity = larger;
}

void remember(load_t *load, const request_t *request, double since) {
    if (request->number >= load->numbers) {
        load->numbers = request->number + 1;
        if (request->kind == CREATE && !load->options->again) load->counts.writes++;
    }
    open_t *open = &load->open[request->number];
    if (open->since != 0) die("request %d is asked again before its reply: a larger --count is needed", request->number);
    open->since = since;
    open->kind = (uint8_t)request->kind;
    open->task = request->task;
    load->counts.sent++;
}

/* The time of the reply is counted from the moment at which the request should have been sent. */
void send_request(load_t *load, int client, double since) {
    make_room(load);
    request_t request = next_request(load);
    size_t size = write_request(load, &request);
    char id[ID_MAX];
    write_id(load->options, request.number, id);
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_CONTENT_TYPE_FLAG,
        .correlation_id = amqp_cstring_bytes(id),
        .reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to"),
        .delivery_mode = 2,
        .content_type = amqp_cstring_bytes("application/json"),
    };
    remember(load, &request, since);
    amqp_bytes_t body = {.len = size, .bytes = load->body};
    int status = amqp_basic_publish(load->connections[client], CHANNEL, amqp_cstring_bytes(load->options->exchange),
                                    amqp_cstring_bytes(load->options->routing_key), 0, 0, &properties, body);
    if (status != AMQP_STATUS_OK) die("publishing: %s", amqp_error_string2(status));
}

int waiting(const load_t *load) { return load->counts.sent - load->counts.replies; }

bool all_sent(const load_t *load, double moment) {
    const options_t *options = load->options;
    if (options->seconds > 0 && moment - load->start >= options->seconds) return true;
    bool goes_round = options->again && options->seconds > 0;
    return options->count > 0 && !goes_round && load->counts.sent >= options->count;
}

/* Sends all requests that are due by now at the fixed rate; returns the seconds until the next one is due. */
static double keep_rate(load_t *load) {
    for (double moment = now(); !all_sent(load, moment); moment = now()) {
        double due = load->start + load->counts.sent / load->options->rate;
        if (due > moment) return due - moment;
        send_request(load, load->counts.sent % load->options->clients, due);
    }
    return 1;
}

static void take_replies(load_t *load, int client) {
    const struct timeval at_once = {0};
    amqp_connection_state_t connection = load->connections[client];
    amqp_envelope_t reply;
    do {
        if (!take(connection, &at_once, &reply)) return;
        take_reply(load, &reply.message);
        amqp_destroy_envelope(&reply);
        if (load->options->rate == 0 && !all_sent(load, load->end)) send_request(load, client, now());
    } while (amqp_frames_enqueued(connection) || amqp_data_in_buffer(connection));
}

static void wait_for_replies(load_t *load, double seconds) {
    const struct timespec limit = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int ready = ppoll(load->polls, (nfds_t)load->options->clients, &limit, NULL);
    for (int client = 0; ready > 0 && client < load->options->clients; client++)
        if (load->polls[client].revents != 0) {
            take_replies(load, client);
            ready--;
        }
}

void drive(load_t *load) {
    const options_t *options = load->options;
    load->start = load->end = now();
    if (options->rate == 0)
        for (int number = 0; number < options->in_flight && !all_sent(load, load->start); number++)
            send_request(load, number % options->clients, now());
    while (now() - load->end < options->limit) {
        double pause = options->rate > 0 ? keep_rate(load) : 1;
        if (waiting(load) <= 0 && all_sent(load, now())) return;
        wait_for_replies(load, pause);
    }
}
