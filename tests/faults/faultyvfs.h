#pragma once
// SQLite's file layer with faults on demand: after a number of further writes the disk is full, or a sync fails. Stands
// above the system's own layer and becomes the default of this process.

namespace slipway::test {

class FaultyDisk
{
public:
    static void install();
    // Writes (and growing a file) that still succeed; below 0: all. After them SQLITE_FULL until set anew.
    static void fullAfter(int writes);
    static void failSyncs(bool fail);
    static int refused(); // how often something was refused since install()
};

} // namespace slipway::test
