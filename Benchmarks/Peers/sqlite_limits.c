/* What SQLite itself allows on this disk: insert, claim and delete in batches, three commits a batch, prepared statements,
   one thread, one table with one index. No engine can be faster than this without fewer commits.

   sqlite_limits FOLDER SYNCHRONOUS BATCH SECONDS   prints one line of JSON.   cc -O2 sqlite_limits.c -lsqlite3 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static sqlite3 *db;

static void must(int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
    fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
    exit(1);
  }
}
static void run(const char *sql) { must(sqlite3_exec(db, sql, NULL, NULL, NULL)); }
static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
  return statement;
}
static double wall(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static double cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **arguments) {
  if (count != 5) return fprintf(stderr, "usage: sqlite_limits FOLDER SYNCHRONOUS BATCH SECONDS\n"), 2;
  int batch = atoi(arguments[3]);
  double seconds = atof(arguments[4]);
  char path[4096], pragma[64];
  snprintf(path, sizeof path, "%s/limits.db", arguments[1]);
  unlink(path);
  must(sqlite3_open(path, &db));
  run("PRAGMA journal_mode = WAL");
  snprintf(pragma, sizeof pragma, "PRAGMA synchronous = %s", arguments[2]);
  run(pragma);
  run("CREATE TABLE job (id INTEGER PRIMARY KEY, queue INTEGER, state INTEGER, due INTEGER, owner INTEGER, body BLOB);"
      "CREATE INDEX ready ON job (queue, state, due, id)");
  sqlite3_stmt *insert = prepare("INSERT INTO job (queue, state, due, body) VALUES (1, 0, ?1, ?2)");
  sqlite3_stmt *claim = prepare(
      "UPDATE job SET state = 1, owner = 7 WHERE id IN (SELECT id FROM job WHERE queue = 1 AND state = 0 AND due <= ?1"
      " ORDER BY due, id LIMIT ?2) RETURNING id, body");
  sqlite3_stmt *delete = prepare("DELETE FROM job WHERE id = ?1");
  char body[128];
  memset(body, 'x', sizeof body);
  sqlite3_int64 *ids = malloc(sizeof *ids * batch), now = 1;
  long cycles = 0;
  double begin = wall(), used = cpu();
  while (wall() - begin < seconds) {
    run("BEGIN IMMEDIATE");
    for (int i = 0; i < batch; i++) {
      sqlite3_bind_int64(insert, 1, now);
      sqlite3_bind_blob(insert, 2, body, sizeof body, SQLITE_STATIC);
      must(sqlite3_step(insert));
      sqlite3_reset(insert);
    }
    run("COMMIT");
    run("BEGIN IMMEDIATE");
    sqlite3_bind_int64(claim, 1, now);
    sqlite3_bind_int(claim, 2, batch);
    int claimed = 0;
    while (sqlite3_step(claim) == SQLITE_ROW) ids[claimed++] = sqlite3_column_int64(claim, 0);
    sqlite3_reset(claim);
    run("COMMIT");
    run("BEGIN IMMEDIATE");
    for (int i = 0; i < claimed; i++) {
      sqlite3_bind_int64(delete, 1, ids[i]);
      must(sqlite3_step(delete));
      sqlite3_reset(delete);
    }
    run("COMMIT");
    cycles += claimed;
    now++;
  }
  double took = wall() - begin;
  printf("{\"case\":\"limit\",\"sync\":\"%s\",\"batch\":%d,\"n\":%ld,\"secs\":%.3f,\"per_s\":%.0f,\"cpu_s_per_100k\":%.3f}\n",
         arguments[2], batch, cycles, took, cycles / took, (cpu() - used) * 1e5 / cycles);
  return 0;
}
