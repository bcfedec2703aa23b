/* The load generator: what its parts know of each other. */
#ifndef LOAD_H
#define LOAD_H

#include <amqp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANNEL = 1, ID_MAX = 96, PAGE = 20 };

/* What a request asks for, and so what a reply to it has to say. */
typedef enum { ECHO, HEALTH, CREATE, GET, LIST, UNKNOWN_TASK, BLANK_TITLE } kind_t;

typedef struct {
    const char *exchange, *routing_key, *action, *prefix, *token;
    int port, count, in_flight, clients;
    double rate, seconds, limit; /* limit: so many seconds without any reply are the end */
    size_t size;                 /* bytes of text in a request that carries text */
    uint64_t seed;
    int tasks;    /* reads ask for the tasks 1 to this one */
    bool again;   /* the requests 0 to count - 1 were sent before, under the same prefix */
    bool scatter; /* ids begin with a number that is random, as a UUID does */
    bool backlog; /* everything is sent and confirmed before the first reply is awaited */
} options_t;

typedef struct {
    kind_t kind;
    int number; /* its id ends with PREFIX-NUMBER */
    int task;   /* which one a read asks for */
} request_t;

typedef struct {
    double since; /* when it was sent, or should have been; 0 when no reply is due */
    uint8_t kind;
    bool answered; /* it had a reply before */
    int task;
} open_t;

typedef struct {
    int sent, replies, writes, replays, refusals; /* refusals: errors that were asked for */
    int errors, wrong, duplicates;
} counts_t;

typedef struct {
    const options_t *options;
    amqp_connection_state_t *connections;
    struct pollfd *polls;
    open_t *open; /* by the number in the id */
    float *took;  /* seconds, in the order of the replies */
    int capacity, numbers, last_write;
    double start, end;
    counts_t counts;
    char *body; /* of the request that is being written */
    size_t room;
} load_t;

/* wire.c: the broker, by librabbitmq; whatever fails ends the program with a word on why. */
__attribute__((format(printf, 1, 2), noreturn)) void die(const char *format, ...);
double now(void);
void *zeroed(size_t count, size_t size);
void *resized(void *memory, size_t count, size_t size);
void check(amqp_rpc_reply_t reply, const char *what);
amqp_connection_state_t dial(int port);
void hang_up(amqp_connection_state_t connection);
void consume(amqp_connection_state_t connection, const char *queue, bool no_ack);
/* Waits for ever when limit is NULL; false when nothing came within it. */
bool take(amqp_connection_state_t connection, const struct timeval *limit, amqp_envelope_t *envelope);

/* request.c: which request comes next, its id, and its text. */
size_t write_id(const options_t *options, int number, char *to);
request_t next_request(load_t *load);
size_t write_request(load_t *load, const request_t *request);
int kind_of(const char *action); /* -1 when there is none */

/* reply.c: is it the right one? */
void take_reply(load_t *load, const amqp_message_t *reply);

/* drive.c: sending and receiving, until all is answered or no reply comes any more. */
void send_request(load_t *load, int client, double since);
void drive(load_t *load);

/* backlog.c: everything is in the queue before anyone takes it out. */
void fill(load_t *load);

/* figures.c: one line of JSON; returns whether every request has had its reply, the right one, once. */
bool print_figures(load_t *load);

/* echo.c: the worker. */
void echo(int port, const char *queue);

#endif
