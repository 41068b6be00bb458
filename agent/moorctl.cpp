// moorctl: the command line of moord.
#include "agent/ctl/app.h"

int main(int argc, char** argv) { return mooring::agent::ctl::run(argc, argv); }
