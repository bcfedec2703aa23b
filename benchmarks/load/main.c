/* A load generator and a worker that echoes requests, in C on librabbitmq, so that they hardly take part in what is measured.
 *
 *   cc -O2 -o load *.c -lrabbitmq        (in this folder; Debian: apt-get install librabbitmq-dev)
 */
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SECONDS = 900, MOST_CLIENTS = 1000, MOST_REQUESTS = 100000000 };

static const char USAGE[] =
    "usage: load PORT EXCHANGE ROUTING_KEY [OPTION...]\n"
    "       load PORT echo QUEUE\n"
    "       load PORT http PATH [OPTION...]\n"
    "\n"
    "The first form sends persistent requests to EXCHANGE with ROUTING_KEY, takes the replies by direct reply-to, checks that\n"
    "each request gets exactly one reply, and the right one, and prints one line of JSON.\n"
    "\n"
    "  --action NAME     create_task (default), get_task, list_tasks, health_check, echo, or mixed: 60 % reads, 30 % writes,\n"
    "                    5 % writes that were answered before, 5 % errors\n"
    "  --count N         send N requests\n"
    "  --seconds S       send requests for S seconds; --count or --seconds is needed\n"
    "  --in-flight N     N requests are without a reply at any time (default: 64)\n"
    "  --rate R          send R requests a second, whether replies come or not; the time of a reply is then counted from the\n"
    "                    moment at which its request was due\n"
    "  --clients N       connections that share the work (default: 1)\n"
    "  --prefix TEXT     ids are TEXT-0, TEXT-1, ... (default: a new prefix)\n"
    "  --again           send the first --count ids of an earlier run with this prefix again and again\n"
    "  --scatter         ids begin with 16 random digits, as UUIDs do\n"
    "  --size BYTES      bytes of text in each request that has text (default: 16)\n"
    "  --tasks N         reads ask for the tasks 1 to N (default: 1)\n"
    "  --seed N          decides which requests are mixed and which tasks are read (default: 1)\n"
    "  --backlog         put all --count requests into the queue, confirmed, before the first reply is awaited, and print\n"
    "                    \"waiting\" on standard error then\n"
    "  --limit S         give up when no reply came for S seconds (default: 60)\n"
    "\n"
    "The environment variable TOKEN is sent as \"auth\".\n"
    "\n"
    "The second form is a worker that answers each request of QUEUE with the request's own body, until it is stopped. No\n"
    "worker on this broker can be faster. It declares QUEUE as durable if the queue does not exist.\n"
    "\n"
    "The third form sends POST requests to http://127.0.0.1:PORT/PATH over --in-flight kept connections, each of which has one\n"
    "request in flight, and makes the same checks. The id is the Idempotency-Key, the data is the body, and TOKEN the bearer\n"
    "token. Its actions are create_task and echo.\n"
    "\n"
    "Broker: 127.0.0.1:PORT, user guest, virtual host /.\n"
    "Exit code: 0 every request had its reply, 1 a reply was missing or wrong, or the connection was lost, 2 wrong use.\n";

enum { ACTION = 1, COUNT, SECONDS, IN_FLIGHT, RATE, CLIENTS, PREFIX, AGAIN, SIZE, TASKS, SEED, SCATTER, BACKLOG, LIMIT };

static const struct option OPTIONS[] = {
    {"action", 1, 0, ACTION}, {"count", 1, 0, COUNT},   {"seconds", 1, 0, SECONDS}, {"in-flight", 1, 0, IN_FLIGHT},
    {"rate", 1, 0, RATE},     {"clients", 1, 0, CLIENTS}, {"prefix", 1, 0, PREFIX},   {"again", 0, 0, AGAIN},
    {"size", 1, 0, SIZE},     {"tasks", 1, 0, TASKS},   {"seed", 1, 0, SEED},       {"scatter", 0, 0, SCATTER},
    {"backlog", 0, 0, BACKLOG}, {"limit", 1, 0, LIMIT}, {0, 0, 0, 0},
};

__attribute__((noreturn)) static void misused(const char *what, const char *text) {
    if (what != NULL) fprintf(stderr, "load: %s cannot be \"%s\"\n\n", what, text);
    fputs(USAGE, stderr);
    exit(2);
}

static double number(const char *text, const char *what, double least, double most) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || *end || end == text || !(value >= least && value <= most)) misused(what, text);
    return value;
}

static int whole(const char *text, const char *what, int least, int most) {
    double value = number(text, what, least, most);
    if (value != (double)(int)value) misused(what, text);
    return (int)value;
}

static void read_option(options_t *options, int option) {
    switch (option) {
        case ACTION: options->action = optarg; break;
        case COUNT: options->count = whole(optarg, "--count", 1, MOST_REQUESTS); break;
        case SECONDS: options->seconds = number(optarg, "--seconds", 0.01, MOST_SECONDS); break;
        case IN_FLIGHT: options->in_flight = whole(optarg, "--in-flight", 1, MOST_REQUESTS); break;
        case RATE: options->rate = number(optarg, "--rate", 0.1, 1e6); break;
        case CLIENTS: options->clients = whole(optarg, "--clients", 1, MOST_CLIENTS); break;
        case PREFIX: options->prefix = optarg; break;
        case AGAIN: options->again = true; break;
        case SIZE: options->size = (size_t)whole(optarg, "--size", 1, 10000000); break;
        case TASKS: options->tasks = whole(optarg, "--tasks", 1, MOST_REQUESTS); break;
        case SEED: options->seed = (uint64_t)whole(optarg, "--seed", 0, MOST_REQUESTS); break;
        case SCATTER: options->scatter = true; break;
        case BACKLOG: options->backlog = true; break;
        case LIMIT: options->limit = number(optarg, "--limit", 0.1, MOST_SECONDS); break;
        default: misused(NULL, NULL);
    }
}

static void read_options(options_t *options, int argc, char **argv) {
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) read_option(options, option);
    if (argc - optind != 3) misused(NULL, NULL);
    options->port = whole(argv[optind], "PORT", 1, 65535);
    options->exchange = argv[optind + 1];
    options->routing_key = argv[optind + 2];
    if (strcmp(options->exchange, "echo") == 0) return;
    if (strcmp(options->action, "mixed") != 0 && kind_of(options->action) < 0) misused("--action", options->action);
    if (options->count == 0 && options->seconds == 0) misused("what to do, without --count and --seconds,", "nothing");
    if (options->count == 0 && (options->again || options->backlog)) misused("--count, with --again or --backlog,", "0");
    bool over_http = strcmp(options->exchange, "http") == 0;
    if (over_http && (options->again || options->rate > 0 || options->backlog || options->clients > 1 || options->in_flight > MOST_CLIENTS))
        misused("over HTTP --again, --backlog, --clients, --rate, or --in-flight above 1000,", "used");
    if (over_http && strcmp(options->action, "create_task") != 0 && strcmp(options->action, "echo") != 0)
        misused("--action over HTTP", options->action);
    if (options->in_flight < options->clients) misused("--in-flight, with more --clients,", "less");
    if (strlen(options->prefix) + sizeof "0123456789abcdef--100000000" > ID_MAX) misused("--prefix", options->prefix);
}

__attribute__((noreturn)) static void ask_http(const options_t *options) {
    load_t load = {.options = options, .last_write = -1};
    ask_over_http(&load);
    exit(print_figures(&load) ? 0 : 1);
}

static void ask(const options_t *options) {
    load_t load = {.options = options, .last_write = -1};
    load.connections = zeroed((size_t)options->clients, sizeof *load.connections);
    load.polls = zeroed((size_t)options->clients, sizeof *load.polls);
    for (int client = 0; client < options->clients; client++) {
        load.connections[client] = dial(options->port);
        load.polls[client] = (struct pollfd){.fd = amqp_get_sockfd(load.connections[client]), .events = POLLIN};
        consume(load.connections[client], "amq.rabbitmq.reply-to", true);
    }
    if (options->backlog) fill(&load);
    drive(&load);
    bool right = print_figures(&load);
    for (int client = 0; client < options->clients; client++) hang_up(load.connections[client]);
    exit(right ? 0 : 1);
}

int main(int argc, char **argv) {
    char prefix[ID_MAX];
    const char *token = getenv("TOKEN");
    snprintf(prefix, sizeof prefix, "load-%d-%ld", (int)getpid(), (long)time(NULL));
    options_t options = {
        .action = "create_task",
        .prefix = prefix,
        .token = token ? token : "",
        .in_flight = 64,
        .clients = 1,
        .size = 16,
        .tasks = 1,
        .seed = 1,
        .limit = 60,
    };
    read_options(&options, argc, argv);
    if (strcmp(options.exchange, "echo") == 0) echo(options.port, options.routing_key);
    alarm(MOST_SECONDS + 60); /* the last resort, if the broker neither takes nor sends anything */
    prctl(PR_SET_TIMERSLACK, 1);
    if (strcmp(options.exchange, "http") == 0) ask_http(&options);
    ask(&options);
}
