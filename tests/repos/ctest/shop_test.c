#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) \
    if (!(what)) { fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #what); return 1; }

static int total(int price, int discount) { return price * (100 - discount) / 100; }

int main(int count, char **words) {
    const char *name = count > 1 ? words[1] : "";
    if (!strcmp(name, "sum")) CHECK(total(3, 0) == 3)
    if (!strcmp(name, "discount")) CHECK(total(100, 10) == 95)
    if (!strcmp(name, "tax")) return 77;
    if (!strcmp(name, "stock")) abort();
    return 0;
}
