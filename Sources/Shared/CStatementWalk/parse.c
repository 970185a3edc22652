// From a text to a parse tree, and through it.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

// libpg_query's, of which the public header declares none of these.
typedef struct {
  char *message;
  char *funcname;
  char *filename;
  int lineno;
  int cursorpos;
  char *context;
} PgQueryError;

typedef struct {
  List *tree;
  char *stderr_buffer;
  PgQueryError *error;
} PgQueryInternalParsetreeAndError;

PgQueryInternalParsetreeAndError pg_query_raw_parse(const char *input);
void pg_query_free_error(PgQueryError *error);
MemoryContext pg_query_enter_memory_context(void);
void pg_query_exit_memory_context(MemoryContext context);
void pg_query_exit(void);
extern void MemoryContextInit(void);
extern int SetDatabaseEncoding(int encoding);
extern __thread sig_atomic_t pg_query_initialized;

enum { ENCODING_UTF8 = 6 };

void csw_free_scopes(walk_t *walk);
bool csw_privilege_statement(walk_t *walk, const struct csw_item *item);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool has_exit_key;

// The memory of the thread's last walk, for its next.
static __thread walk_t *spare;

static void leave_thread(void *unused) {
  (void)unused;
  free(spare);
  spare = NULL;
  pg_query_exit();
  // A destructor that runs after this one may still ask.
  pg_query_initialized = 0;
}

static void make_key(void) { has_exit_key = pthread_key_create(&exit_key, leave_thread) == 0; }

void csw_prepare_thread(void) {
  if (pg_query_initialized) return;
  pthread_once(&once, make_key);
  // What pg_query_init does, but for its key: it makes one for each thread and never deletes it.
  pg_query_initialized = 1;
  MemoryContextInit();
  SetDatabaseEncoding(ENCODING_UTF8);
  if (has_exit_key) pthread_setspecific(exit_key, &has_exit_key);
}

// Whether the bytes are UTF-8 (Unicode, table 3-7) without a zero byte.
static bool is_text(const uint8_t *bytes, size_t length) {
  size_t index = 0;
  while (index < length) {
    uint64_t eight;
    if (length - index >= 8) {
      memcpy(&eight, bytes + index, 8);
      // No byte has its top bit, and none is zero.
      bool has_zero = (eight - 0x0101010101010101u) & ~eight & 0x8080808080808080u;
      if (!(eight & 0x8080808080808080u) && !has_zero) {
        index += 8;
        continue;
      }
    }
    uint8_t first = bytes[index++];
    if (first == 0) return false;
    if (first < 0x80) continue;
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || length - index < more) return false;
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (bytes[index] < low || bytes[index] > high) return false;
    for (size_t step = 1; step < more; step++) {
      if ((bytes[index + step] & 0xC0) != 0x80) return false;
    }
    index += more;
  }
  return true;
}

enum {
  // A text this short is parsed within some milliseconds, whatever it is.
  HARMLESS_BYTES = 1024,
  // A run of 4000 signs, or a thousand lines of a hundred: some hundredths of a second.
  MAXIMUM_SIGN_WORK = 16 << 20,
};

// PostgreSQL's scanner looks at a run of operator characters again from each of its signs, in
// comments like slash-star-slash-star and in sums like ++++: a megabyte of them would take it a
// quarter of an hour.
static bool has_long_operators(const uint8_t *bytes, size_t length) {
  static const bool is_sign[256] = {
      ['~'] = true, ['!'] = true, ['@'] = true, ['#'] = true, ['^'] = true, ['&'] = true,
      ['|'] = true, ['`'] = true, ['?'] = true, ['+'] = true, ['-'] = true, ['*'] = true,
      ['/'] = true, ['%'] = true, ['<'] = true, ['>'] = true, ['='] = true,
  };
  if (length <= HARMLESS_BYTES) return false;
  uint64_t work = 0;
  size_t run = 0;
  for (size_t index = 0; index < length; index++) {
    if (!is_sign[bytes[index]]) {
      run = 0;
      continue;
    }
    // The sum over a run is half the square of its length.
    work += run++;
    if (work > MAXIMUM_SIGN_WORK) return true;
  }
  return false;
}

static void look_at(walk_t *walk, const struct csw_item *item) {
  uint32_t start = walk->item_count;
  csw_note(walk, item);
  bool is_known = csw_push_children(walk, item) || csw_definition_part(walk, item) ||
                  csw_command_statement(walk, item) || csw_definition_statement(walk, item) ||
                  csw_privilege_statement(walk, item);
  // A node that nobody knows is not passed over.
  if (!is_known) csw_opaque(walk, CSW_UNPARSEABLE);
  csw_turn(walk, start);
}

static void walk_tree(walk_t *walk, const List *statements) {
  struct csw_item root = {0};
  const ListCell *cell;
  foreach (cell, statements) {
    const RawStmt *raw = lfirst(cell);
    csw_push_flagged(walk, &root, raw->stmt, CSW_TOP);
  }
  csw_turn(walk, 0);
  while (walk->item_count > 0) {
    struct csw_item item = walk->items[--walk->item_count];
    if (item.depth > walk->limits.depth) csw_opaque(walk, CSW_TOO_DEEP);
    if (++walk->node_count > walk->limits.nodes) {
      csw_opaque(walk, CSW_TOO_MANY);
      return;
    }
    look_at(walk, &item);
  }
  csw_find_whole_rows(walk);
}

csw_walk *csw_begin(const void *text, size_t length, const csw_limits *limits) {
  csw_prepare_thread();
  walk_t *walk = spare != NULL ? spare : malloc(sizeof(walk_t));
  if (walk == NULL) return NULL;
  spare = NULL;
  memset(walk, 0, offsetof(walk_t, first_items));
  memset(walk->first_slots, 0, sizeof(walk->first_slots));
  walk->limits = *limits;
  walk->items = walk->first_items;
  walk->item_room = CSW_FIRST_ITEMS;
  walk->names = walk->first_names;
  walk->facts.names = walk->first_names;
  walk->name_room = CSW_FIRST_NAMES;
  walk->slots = walk->first_slots;
  walk->slot_count = CSW_FIRST_SLOTS;
  walk->patience = limits->nodes;
  if (length > limits->bytes) {
    csw_opaque(walk, CSW_TOO_LONG);
    return walk;
  }
  if (!is_text(text, length)) {
    csw_opaque(walk, CSW_ENCODING);
    return walk;
  }
  if (has_long_operators(text, length)) {
    csw_opaque(walk, CSW_TOO_MANY);
    return walk;
  }
  walk->text = length < sizeof(walk->first_text) ? walk->first_text : malloc(length + 1);
  if (walk->text == NULL) {
    csw_opaque(walk, CSW_TOO_MANY);
    return walk;
  }
  if (length > 0) memcpy(walk->text, text, length);
  walk->text[length] = 0;

  walk->context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(walk->text);
  walk->parse_error = parsed.error;
  walk->parse_messages = parsed.stderr_buffer;
  if (parsed.error != NULL) csw_opaque(walk, CSW_UNPARSEABLE);
  else walk_tree(walk, parsed.tree);
  return walk;
}

const csw_facts *csw_result(const csw_walk *walk) { return &walk->facts; }

const char *csw_refusal(const csw_walk *walk) {
  const PgQueryError *error = walk->parse_error;
  return error == NULL ? NULL : error->message;
}

void csw_end(csw_walk *walk) {
  if (walk->parse_error != NULL) pg_query_free_error(walk->parse_error);
  free(walk->parse_messages);
  if (walk->context != NULL) pg_query_exit_memory_context(walk->context);
  csw_free_scopes(walk);
  if (walk->items != walk->first_items) free(walk->items);
  if (walk->names != walk->first_names) free(walk->names);
  if (walk->slots != walk->first_slots) free(walk->slots);
  if (walk->text != walk->first_text) free(walk->text);
  if (spare == NULL && has_exit_key) spare = walk;
  else free(walk);
}

bool csw_parse_only(const void *text, size_t length) {
  char *copy = malloc(length + 1);
  if (copy == NULL) return false;
  if (length > 0) memcpy(copy, text, length);
  copy[length] = 0;
  csw_prepare_thread();
  MemoryContext context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(copy);
  bool is_parsed = parsed.error == NULL;
  if (!is_parsed) pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  pg_query_exit_memory_context(context);
  free(copy);
  return is_parsed;
}
