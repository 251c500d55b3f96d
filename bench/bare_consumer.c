/* The least that a client on librdkafka can do: take every record of a topic, count its bytes and free it.
 *
 * bench.bare_consumer compiles and starts it:
 *     bare_consumer LIBRARY TOPIC PARTITIONS RECORDS MESSAGES_MAX NAME=VALUE...
 * LIBRARY is the librdkafka that the Python client brings; its few functions are declared here, as wheels have no
 * headers. NAME=VALUE are its properties. Prints one line of JSON: records, bytes, seconds and processor time from the
 * first records on, as bench.cases has them. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct {
    int err;
    void *topic;
    int32_t partition;
    void *payload;
    size_t len;
    void *key;
    size_t key_len;
    int64_t offset;
    void *private_;
} message_t; /* rd_kafka_message_t of rdkafka.h */

#define CONSUMER 1
#define ALL_ITS_PARTITIONS_FROM 0
#define WAIT_MS 100

static void *library;

static void *function(const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    return found;
}

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static double used_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **given) {
    if (count < 6 || !(library = dlopen(given[1], RTLD_NOW))) {
        fprintf(stderr, "%s\n", count < 6 ? "see the head of bare_consumer.c" : dlerror());
        return 2;
    }
    void *(*conf_new)(void) = function("rd_kafka_conf_new");
    int (*conf_set)(void *, const char *, const char *, char *, size_t) = function("rd_kafka_conf_set");
    void *(*new_client)(int, void *, char *, size_t) = function("rd_kafka_new");
    void *(*list_new)(int) = function("rd_kafka_topic_partition_list_new");
    void *(*list_add)(void *, const char *, int32_t) = function("rd_kafka_topic_partition_list_add");
    int (*list_offset)(void *, const char *, int32_t, int64_t) = function("rd_kafka_topic_partition_list_set_offset");
    int (*assign)(void *, const void *) = function("rd_kafka_assign");
    void *(*queue_of)(void *) = function("rd_kafka_queue_get_consumer");
    intptr_t (*consume)(void *, int, message_t **, size_t) = function("rd_kafka_consume_batch_queue");
    void (*message_destroy)(message_t *) = function("rd_kafka_message_destroy");

    const char *topic = given[2];
    int partitions = atoi(given[3]), messages_max = atoi(given[5]);
    int64_t wanted = atoll(given[4]), records = 0, bytes = 0;
    char trouble[512];
    void *conf = conf_new();
    for (int i = 6; i < count; i++) {
        char *value = strchr(given[i], '=');
        *value++ = 0;
        if (conf_set(conf, given[i], value, trouble, sizeof trouble)) {
            fprintf(stderr, "%s\n", trouble);
            return 2;
        }
    }
    void *client = new_client(CONSUMER, conf, trouble, sizeof trouble);
    if (!client) {
        fprintf(stderr, "%s\n", trouble);
        return 2;
    }
    void *list = list_new(partitions);
    for (int32_t partition = 0; partition < partitions; partition++) {
        list_add(list, topic, partition);
        list_offset(list, topic, partition, ALL_ITS_PARTITIONS_FROM);
    }
    assign(client, list);
    void *queue = queue_of(client);
    message_t **messages = malloc(messages_max * sizeof *messages);
    double begun_s = 0, begun_used_s = 0;
    while (records < wanted) {
        intptr_t taken = consume(queue, WAIT_MS, messages, messages_max);
        if (taken > 0 && !begun_s)
            begun_s = clock_s(), begun_used_s = used_s();
        for (intptr_t i = 0; i < taken; i++) {
            if (!messages[i]->err) {
                records++;
                bytes += messages[i]->len;
            }
            message_destroy(messages[i]);
        }
    }
    double seconds = clock_s() - begun_s, cpu_s = used_s();
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"records\": %ld, \"bytes\": %ld, \"seconds\": %.6f, \"rate\": %.1f, \"peak_rss_mb\": %.1f, "
           "\"cpu_s\": %.6f, \"steady_cpu_s\": %.6f}\n",
           (long)records, (long)bytes, seconds, records / seconds, used.ru_maxrss / 1024.0, cpu_s,
           cpu_s - begun_used_s);
    return 0; /* the client goes with the process */
}
