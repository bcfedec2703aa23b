#include "load.h"

#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

/* Milliseconds within which this share of the replies came. */
static double quantile(const load_t *load, double share) {
    int count = load->counts.replies;
    return count == 0 ? 0 : load->took[(int)(share * (count - 1) + 0.5)] * 1e3;
}

bool print_figures(load_t *load) {
    const options_t *options = load->options;
    const counts_t *counts = &load->counts;
    double seconds = load->end - load->start;
    int missing = counts->sent - counts->replies;
    qsort(load->took, (size_t)counts->replies, sizeof *load->took, by_value);
    printf("{\"action\":\"%s\",\"clients\":%d,\"in_flight\":%d,\"rate\":%.1f,\"sent\":%d,\"replies\":%d,\"seconds\":%.4f,",
           options->action, options->clients, options->in_flight, options->rate, counts->sent, counts->replies, seconds);
    printf("\"replies_per_second\":%.1f,", seconds > 0 ? counts->replies / seconds : 0);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"most_ms\":%.3f,", quantile(load, 0.5), quantile(load, 0.99),
           quantile(load, 0.999), quantile(load, 1));
    printf("\"writes\":%d,\"replays\":%d,\"refusals\":%d,", counts->writes, counts->replays, counts->refusals);
    printf("\"errors\":%d,\"wrong\":%d,\"duplicates\":%d,\"missing\":%d}\n", counts->errors, counts->wrong, counts->duplicates,
           missing);
    return counts->errors + counts->wrong + counts->duplicates + missing == 0;
}
