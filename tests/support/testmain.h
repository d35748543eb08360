#pragma once
// main() for a Qt Test class. An unexpected warning or critical log line fails the test in which it came.
// Expected ones are announced with QTest::ignoreMessage().

#include <QCoreApplication>
#include <QtTest>

namespace slipway::test {
void watchLog();      // from main
int unexpectedLogs(); // number of warnings and worse seen
} // namespace slipway::test

#define SLIPWAY_TEST_MAIN(Class)                                                                                       \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        QCoreApplication application(argc, argv);                                                                      \
        slipway::test::watchLog();                                                                                     \
        Class test;                                                                                                    \
        const int failed = QTest::qExec(&test, argc, argv);                                                            \
        return failed ? failed : (slipway::test::unexpectedLogs() ? 99 : 0);                                           \
    }
