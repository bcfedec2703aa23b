#include "load.h"

#include <stdio.h>
#include <string.h>

enum { FRAME = 512 }; /* more bytes than a request takes without its token and its text */

static const char *const ACTIONS[] = {"echo", "health_check", "create_task", "get_task", "list_tasks", "get_task", "create_task"};

int kind_of(const char *action) {
    for (int kind = ECHO; kind <= LIST; kind++)
        if (strcmp(action, ACTIONS[kind]) == 0) return kind;
    return -1;
}

/* SplitMix64: makes random numbers from consecutive ones, so that a request depends only on seed and number. */
static uint64_t mixed(uint64_t seed, int number) {
    uint64_t z = seed + (uint64_t)(number + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Scattered ids begin with 16 digits of a hash of prefix and number. */
size_t write_id(const options_t *options, int number, char *to) {
    if (!options->scatter) return (size_t)snprintf(to, ID_MAX, "%s-%d", options->prefix, number);
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *sign = options->prefix; *sign; sign++) hash = (hash ^ (unsigned char)*sign) * 1099511628211u;
    return (size_t)snprintf(to, ID_MAX, "%016llx-%s-%d", (unsigned long long)mixed(hash, number), options->prefix, number);
}

/* 60 % reads (one in three of them a page), 30 % writes, 5 % writes that were answered before, 5 % errors of two kinds. */
static request_t one_of_many(load_t *load, int number, uint64_t random) {
    int percent = (int)(random % 100), task = (int)(random / 100 % (uint64_t)load->options->tasks) + 1;
    if (percent < 40) return (request_t){GET, number, task};
    if (percent < 60) return (request_t){LIST, number, 0};
    if (percent < 62) return (request_t){UNKNOWN_TASK, number, 0};
    if (percent < 65) return (request_t){BLANK_TITLE, number, 0};
    if (percent < 70 && load->last_write >= 0 && load->open[load->last_write].since == 0) {
        load->counts.replays++;
        return (request_t){CREATE, load->last_write, 0};
    }
    return (request_t){CREATE, number, 0};
}

request_t next_request(load_t *load) {
    const options_t *options = load->options;
    if (options->again) return (request_t){CREATE, load->counts.sent % options->count, 0};
    int number = load->counts.sent;
    uint64_t random = mixed(options->seed, number);
    if (strcmp(options->action, "mixed") == 0) return one_of_many(load, number, random);
    return (request_t){(kind_t)kind_of(options->action), number, (int)(random % (uint64_t)options->tasks) + 1};
}

int write_data(load_t *load, const request_t *request, const char *id, char *to, size_t room) {
    const options_t *options = load->options;
    switch (request->kind) {
        case ECHO: return snprintf(to, room, "{\"text\":\"%0*d\"}", (int)options->size, 0);
        case CREATE:
            return snprintf(to, room, "{\"title\":\"%s\",\"description\":\"%0*d\"}", id, (int)options->size, 0);
        case GET: return snprintf(to, room, "{\"task_id\":%d}", request->task);
        case LIST: return snprintf(to, room, "{\"limit\":%d}", PAGE);
        case UNKNOWN_TASK: return snprintf(to, room, "{\"task_id\":%lld}", 1LL << 60);
        case BLANK_TITLE: return snprintf(to, room, "{\"title\":\" \"}");
        default: return snprintf(to, room, "{}");
    }
}

size_t write_request(load_t *load, const request_t *request) {
    const options_t *options = load->options;
    if (load->body == NULL) {
        load->room = FRAME + 2 * ID_MAX + options->size + strlen(options->token);
        load->body = zeroed(load->room, 1);
    }
    char id[ID_MAX];
    write_id(options, request->number, id);
    int size = snprintf(load->body, load->room, "{\"id\":\"%s\",\"version\":\"v1\",\"action\":\"%s\",\"data\":", id,
                        ACTIONS[request->kind]);
    size += write_data(load, request, id, load->body + size, load->room - (size_t)size);
    size += snprintf(load->body + size, load->room - (size_t)size, ",\"auth\":\"%s\"}", options->token);
    return (size_t)size;
}
