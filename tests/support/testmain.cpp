#include "tests/support/testmain.h"

#include <atomic>

namespace slipway::test {

namespace {
std::atomic<int> unexpected{0};
QtMessageHandler previous = nullptr;

void handler(QtMsgType type, const QMessageLogContext &context, const QString &text)
{
    if (type == QtWarningMsg || type == QtCriticalMsg) {
        unexpected.fetch_add(1);
        fprintf(stderr, "unexpected log line: %s\n", qPrintable(text));
    }
    if (previous)
        previous(type, context, text);
}
} // namespace

// QTest installs its own handler above this one while tests run and swallows ignored messages there.
void watchLog()
{
    previous = qInstallMessageHandler(handler);
}

int unexpectedLogs()
{
    return unexpected.load();
}

} // namespace slipway::test
