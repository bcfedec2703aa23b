#include "load.h"

#include <stdio.h>
#include <sys/time.h>

enum { UNCONFIRMED = 2000, CONFIRM_SECONDS = 60 };

/* Takes one confirmation; returns how many requests the broker has confirmed so far. */
static int take_confirmation(amqp_connection_state_t connection, int confirmed) {
    const struct timeval limit = {.tv_sec = CONFIRM_SECONDS};
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection);
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &limit);
    if (status != AMQP_STATUS_OK) die("waiting for confirmations: %s", amqp_error_string2(status));
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        die("instead of a confirmation: %s", amqp_method_name(frame.payload.method.id));
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    /* A quorum queue confirms in order, one or several at a time. */
    return ack->multiple ? (int)ack->delivery_tag : confirmed + 1;
}

void fill(load_t *load) {
    amqp_connection_state_t connection = load->connections[0];
    int confirmed = 0, count = load->options->count;
    amqp_confirm_select(connection, CHANNEL);
    check(amqp_get_rpc_reply(connection), "asking for confirmations");
    double start = now();
    while (confirmed < count) {
        while (load->counts.sent < count && load->counts.sent - confirmed < UNCONFIRMED) send_request(load, 0, start);
        confirmed = take_confirmation(connection, confirmed);
    }
    fprintf(stderr, "waiting\n");
}
