/* Read before an example's first line, whose main() has another name: what it prints goes where a test can read it. */
#ifndef TESTS_SIM_STORM_EXAMPLE_H
#define TESTS_SIM_STORM_EXAMPLE_H

#include <stdio.h>

extern FILE *example_output;
int main(int argc, char **argv); /* by its other name */

#undef stdout
#define stdout example_output
#undef stderr
#define stderr      example_output
#define printf(...) fprintf(example_output, __VA_ARGS__)
#undef putchar
#define putchar(byte) fputc((byte), example_output)

#endif
