#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 512 }; /* bytes that contain the id and the status of a reply; the rest may be large */

/* Returns the place of the value after "KEY": and at most one blank; NULL if the text does not contain the key. */
static const char *value_of(const char *text, size_t size, const char *key) {
    char quoted[32];
    int length = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = memmem(text, size, quoted, (size_t)length);
    if (found == NULL) return NULL;
    found += length;
    return found < text + size && *found == ' ' ? found + 1 : found;
}

static bool has(const char *text, size_t size, const char *key, const char *value) {
    const char *found = value_of(text, size, key);
    size_t length = strlen(value);
    return found != NULL && (size_t)(text + size - found) >= length && memcmp(found, value, length) == 0;
}

static int occurrences(const char *text, size_t size, const char *what) {
    int count = 0;
    size_t length = strlen(what);
    const char *end = text + size;
    for (const char *at = text; (at = memmem(at, (size_t)(end - at), what, length)) != NULL; at += length) count++;
    return count;
}

static bool is_error(const char *text, size_t size) { return has(text, size < HEAD ? size : HEAD, "status", "\"error\""); }

bool fits(const load_t *load, const open_t *asked, const char *quoted_id, const char *text, size_t size) {
    char task[32];
    switch ((kind_t)asked->kind) {
        case ECHO: return size >= load->options->size;
        case CREATE: return has(text, size, "title", quoted_id);
        case GET: {
            const char *data = value_of(text, size, "data");
            snprintf(task, sizeof task, "%d,", asked->task);
            return data != NULL && has(data, size - (size_t)(data - text), "id", task);
        }
        case LIST: return occurrences(text, size, "\"owner_id\":") == PAGE;
        case UNKNOWN_TASK: return is_error(text, size) && has(text, size, "code", "\"not_found\"");
        case BLANK_TITLE: return is_error(text, size) && has(text, size, "code", "\"invalid_request\"");
        default: return true;
    }
}

/* Returns the number in one of our ids, and -1 for any other id. */
static int number_in(const load_t *load, const char *id) {
    const char *last = strrchr(id, '-');
    if (last == NULL) return -1;
    char *end, right[ID_MAX];
    long number = strtol(last + 1, &end, 10);
    if (*end != 0 || number < 0 || number >= load->numbers) return -1;
    write_id(load->options, (int)number, right);
    return strcmp(id, right) == 0 ? (int)number : -1;
}

static void complain(int *counter, const char *what, const amqp_message_t *reply) {
    if ((*counter)++ == 0)
        fprintf(stderr, "load: first %s: correlation id %.*s, body %.*s\n", what, (int)reply->properties.correlation_id.len,
                (const char *)reply->properties.correlation_id.bytes,
                (int)(reply->body.len < HEAD ? reply->body.len : HEAD), (const char *)reply->body.bytes);
}

static void judge(load_t *load, open_t *asked, const char *id, const amqp_message_t *reply) {
    const char *text = reply->body.bytes;
    size_t size = reply->body.len, head = size < HEAD ? size : HEAD;
    char quoted[ID_MAX + 2];
    snprintf(quoted, sizeof quoted, "\"%s\"", id);
    bool refusal = asked->kind == UNKNOWN_TASK || asked->kind == BLANK_TITLE;
    if (!has(text, head, "correlation_id", quoted) && !has(text, head, "id", quoted))
        complain(&load->counts.wrong, "reply that names another request", reply);
    else if (!refusal && is_error(text, size))
        complain(&load->counts.errors, "error", reply);
    else if (!fits(load, asked, quoted, text, size))
        complain(&load->counts.wrong, "reply that does not answer the request", reply);
    else if (refusal)
        load->counts.refusals++;
}

void take_reply(load_t *load, const amqp_message_t *reply) {
    char id[ID_MAX] = {0};
    amqp_bytes_t correlation = reply->properties.correlation_id;
    if (reply->properties._flags & AMQP_BASIC_CORRELATION_ID_FLAG && correlation.len < ID_MAX)
        memcpy(id, correlation.bytes, correlation.len);
    int number = number_in(load, id);
    if (number < 0) {
        complain(&load->counts.wrong, "reply to nobody", reply);
        return;
    }
    open_t *asked = &load->open[number];
    if (asked->since == 0) {
        complain(asked->answered ? &load->counts.duplicates : &load->counts.wrong, "reply too many", reply);
        return;
    }
    load->end = now();
    if (load->options->backlog && load->counts.replies == 0) load->start = load->end;
    load->took[load->counts.replies++] = (float)(load->end - asked->since);
    judge(load, asked, id, reply);
    if (asked->kind == CREATE) load->last_write = number;
    asked->since = 0;
    asked->answered = true;
}
