// Planted bugs, to show that the oracles find what they exist for. BUG(f, "name") is constant false but in the
// mutants build (KALDA_MUTANTS), where the run chooses at most one plant by name; with none chosen that build behaves
// as the ordinary one. The names and the seeds they need stand in scenarios/mutants.h.
#pragma once

#include "kernel/fiber.h"
#include "kernel/node.h"

#ifdef KALDA_MUTANTS
#define BUG(f, name) ((f).node().planted_bug() == (name))
#else
#define BUG(f, name) (static_cast<void>(f), false)
#endif
