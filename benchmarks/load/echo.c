#include "load.h"

enum { PREFETCH = 200 };

static bool declare(amqp_connection_state_t connection, const char *queue) {
    const amqp_boolean_t passive = 0, durable = 1;
    amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(queue), passive, durable, 0, 0, amqp_empty_table);
    return amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL;
}

void echo(int port, const char *queue) {
    amqp_connection_state_t connection = dial(port);
    /* A queue that exists with other arguments, such as a quorum queue, can be used too, but the channel is closed now. */
    if (!declare(connection, queue)) {
        amqp_destroy_connection(connection);
        connection = dial(port);
    }
    amqp_basic_qos(connection, CHANNEL, 0, PREFETCH, 0);
    check(amqp_get_rpc_reply(connection), "prefetch");
    consume(connection, queue, false);
    for (;;) {
        amqp_envelope_t request;
        if (!take(connection, NULL, &request)) continue;
        amqp_basic_properties_t properties = {
            ._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
            .correlation_id = request.message.properties.correlation_id,
            .delivery_mode = 2,
        };
        amqp_basic_publish(connection, CHANNEL, amqp_empty_bytes, request.message.properties.reply_to, 0, 0, &properties,
                           request.message.body);
        amqp_basic_ack(connection, CHANNEL, request.delivery_tag, 0);
        amqp_destroy_envelope(&request);
    }
}
