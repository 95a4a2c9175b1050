// Copyright (c) 2026 the vdisk.gluster authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Writes numbered, checksummed records in the test guest and says which of them are on its disks.
// usage: writer SLOTS ACKNOWLEDGE_EVERY_MILLISECONDS PAUSE_MICROSECONDS PATH...
//
// Record N goes to path N mod K of K, there to slot (N div K) * 2654435761 mod SLOTS (a power of two), so that each layer of
// a chain holds a scatter of slots and hides older records. One write is under way at a time, and is flushed before the next:
// a disk as it was at one instant holds a prefix of the sequence, see oracle.py. A word in the file /run/wipe (zero, punch or
// discard) makes it clear one half of the slots of every path in that way, between two records.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define RECORD 4096
#define MULTIPLIER 2654435761ull
#define MOST_PATHS 8
#define ORDER "/run/wipe"

struct record {
    char magic[8];
    uint64_t number, slot, checksum;
    uint64_t filling[RECORD / 8 - 4];
};
_Static_assert(sizeof(struct record) == RECORD, "a record is one page");

static uint32_t table[256];
static int files[MOST_PATHS];
static uint64_t slots;
static unsigned paths;

static uint32_t crc32(const void *from, size_t size)
{
    uint32_t sum = 0xffffffffu;
    for (const unsigned char *byte = from; size--; byte++)
        sum = table[(sum ^ *byte) & 0xff] ^ (sum >> 8);
    return sum ^ 0xffffffffu;
}

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (int bit = 0; bit < 8; bit++)
            sum = sum & 1 ? 0xedb88320u ^ (sum >> 1) : sum >> 1;
        table[i] = sum;
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static uint64_t slot_of(uint64_t number) { return number / paths * MULTIPLIER % slots; }

static void fill(struct record *record, uint64_t number)
{
    uint64_t noise = number * 0x9e3779b97f4a7c15ull | 1;
    memcpy(record->magic, "LIVEREC1", 8);
    record->number = number;
    record->slot = slot_of(number);
    record->checksum = 0;
    for (size_t i = 0; i < sizeof(record->filling) / 8; i++) {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        record->filling[i] = noise;
    }
    record->checksum = crc32(record, RECORD);
}

// returns the last record that is there, and says what was found: after a start a second oracle, inside the guest
static uint64_t scan(struct record *record)
{
    uint64_t last = 0, used = 0, bad = 0;
    for (unsigned path = 0; path < paths; path++)
        for (uint64_t slot = 0; slot < slots; slot++) {
            if (pread(files[path], record, RECORD, slot * RECORD) != RECORD)
                break;
            if (memcmp(record->magic, "LIVEREC1", 8))
                continue;
            uint64_t checksum = record->checksum;
            record->checksum = 0;
            used++;
            if (checksum != crc32(record, RECORD) || record->slot != slot || record->number % paths != path)
                bad++;
            else if (record->number > last)
                last = record->number;
        }
    printf("LIVE scan last=%llu used=%llu bad=%llu\n", (unsigned long long)last, (unsigned long long)used, (unsigned long long)bad);
    return last;
}

static int clear(int file, const char *how, uint64_t offset, uint64_t length)
{
    uint64_t range[2] = {offset, length};
    if (strncmp(how, "zero", 4) == 0)
        return fallocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
    if (strncmp(how, "punch", 5) == 0)
        return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    return ioctl(file, BLKDISCARD, range);
}

// the half that does not hold the last records, so that a scan still finds where the sequence stands
static void wipe(uint64_t last)
{
    char how[16] = "";
    for (unsigned before = 1; before < paths; before++)
        if ((slot_of(last - before) < slots / 2) != (slot_of(last) < slots / 2))
            return;    // each half holds one; after one of the next records that is otherwise
    int order = open(ORDER, O_RDONLY);
    if (order < 0 || read(order, how, sizeof(how) - 1) <= 0)
        return;
    close(order);
    how[strcspn(how, "\n")] = 0;
    uint64_t first = slot_of(last) < slots / 2 ? slots / 2 : 0;
    printf("LIVE wiping=%llu first=%llu count=%llu how=%s\n", (unsigned long long)last, (unsigned long long)first,
           (unsigned long long)slots / 2, how);
    fflush(stdout);
    const char *result = "done";
    for (unsigned path = 0; path < paths; path++)
        if (clear(files[path], how, first * RECORD, slots / 2 * RECORD) || fdatasync(files[path]))
            result = strerror(errno);
    unlink(ORDER);
    printf("LIVE wiped=%llu result=%s\n", (unsigned long long)last, result);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct record *record;
    slots = strtoull(argv[1], NULL, 10);
    double every = atoi(argv[2]) / 1e3, told = 0;
    int pause = atoi(argv[3]);
    paths = argc - 4;
    make_table();
    if (paths < 1 || paths > MOST_PATHS || posix_memalign((void **)&record, RECORD, RECORD))
        return 2;
    for (unsigned path = 0; path < paths; path++) {
        files[path] = open(argv[4 + path], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (files[path] < 0) {
            printf("LIVE failed to open %s: %s\n", argv[4 + path], strerror(errno));
            return 1;
        }
    }
    uint64_t number = scan(record) + 1;
    for (;; number++) {
        fill(record, number);
        int file = files[number % paths];
        while (pwrite(file, record, RECORD, slot_of(number) * RECORD) != RECORD || fdatasync(file)) {
            printf("LIVE error record=%llu %s\n", (unsigned long long)number, strerror(errno));
            fflush(stdout);
            sleep(1);
        }
        if (now() - told >= every) {
            printf("LIVE ack=%llu\n", (unsigned long long)number);
            fflush(stdout);
            told = now();
        }
        if (access(ORDER, F_OK) == 0)
            wipe(number);
        if (pause)
            usleep(pause);
    }
}
