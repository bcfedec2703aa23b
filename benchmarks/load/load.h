/* The load generator: the types and functions that its files share. */
#ifndef LOAD_H
#define LOAD_H

#include <amqp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANNEL = 1, ID_MAX = 96, PAGE = 20 };

/* What a request asks for, which decides what the reply to it has to contain. */
typedef enum { ECHO, HEALTH, CREATE, GET, LIST, UNKNOWN_TASK, BLANK_TITLE } kind_t;

typedef struct {
    const char *exchange, *routing_key, *action, *prefix, *token;
    int port, count, in_flight, clients;
    double rate, seconds, limit; /* limit: seconds without a reply after which the load ends */
    size_t size;                 /* bytes of text in a request that carries text */
    uint64_t seed;
    int tasks;    /* highest id of the tasks that reads ask for; the lowest is 1 */
    bool again;   /* the requests 0 to count - 1 were sent before, under the same prefix */
    bool scatter; /* ids begin with random digits, as UUIDs do */
    bool backlog; /* everything is sent and confirmed before the first reply is awaited */
} options_t;

typedef struct {
    kind_t kind;
    int number; /* the id ends with PREFIX-NUMBER */
    int task;   /* id of the task that a read asks for */
} request_t;

typedef struct {
    double since; /* when it was sent, or should have been; 0 if no reply is due */
    uint8_t kind;
    bool answered; /* there was a reply before */
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
    char *body; /* body of the request that is being written */
    size_t room;
} load_t;

/* wire.c: access to the broker with librabbitmq; every failure ends the program with a message. */
__attribute__((format(printf, 1, 2), noreturn)) void die(const char *format, ...);
double now(void);
void *zeroed(size_t count, size_t size);
void *resized(void *memory, size_t count, size_t size);
void check(amqp_rpc_reply_t reply, const char *what);
amqp_connection_state_t dial(int port);
void hang_up(amqp_connection_state_t connection);
void consume(amqp_connection_state_t connection, const char *queue, bool no_ack);
/* Waits for a message, without end if limit is NULL; returns false if none came within the limit. */
bool take(amqp_connection_state_t connection, const struct timeval *limit, amqp_envelope_t *envelope);

/* request.c: chooses the next request, and writes its id and its text. */
size_t write_id(const options_t *options, int number, char *to);
request_t next_request(load_t *load);
/* Writes the data of a request as JSON; returns its size. */
int write_data(load_t *load, const request_t *request, const char *id, char *to, size_t room);
size_t write_request(load_t *load, const request_t *request);
int kind_of(const char *action); /* -1 if there is no such action */

/* reply.c: checks replies. */
void take_reply(load_t *load, const amqp_message_t *reply);
/* Returns whether a body contains what the reply to such a request has to contain; the id is checked already. */
bool fits(const load_t *load, const open_t *asked, const char *quoted_id, const char *text, size_t size);

/* drive.c: sends and receives until everything is answered or no more replies come. */
void send_request(load_t *load, int client, double since);
void drive(load_t *load);
void make_room(load_t *load);
void remember(load_t *load, const request_t *request, double since);
bool all_sent(const load_t *load, double moment);
int waiting(const load_t *load); /* how many requests have no reply yet */

/* http.c: sends and receives over HTTP instead. */
void ask_over_http(load_t *load);

/* backlog.c: puts all requests into the queue before a worker takes them. */
void fill(load_t *load);

/* figures.c: prints one line of JSON; returns whether every request had exactly one reply, and the right one. */
bool print_figures(load_t *load);

/* echo.c: the worker. */
void echo(int port, const char *queue);

#endif
