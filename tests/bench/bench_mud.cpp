// How many MUD files of 200 rules are read and judged in a second of processor time of one core, against Qt's own JSON
// reader over the same bytes in the same run, which types and judges nothing.
//
//   bench_mud [RULES]

#include "core/codec/json.h"
#include "core/mud/mudcheck.h"

#include <QJsonDocument>

#include <cstdio>
#include <ctime>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray mudFile(int rules)
{
    QByteArray text = R"({
  "ietf-mud:mud": {
    "mud-version": 1,
    "mud-url": "https://mud.example/bench/1.json",
    "mud-signature": "1.p7s",
    "last-update": "2026-11-20T00:00:00Z",
    "is-supported": true,
    "from-device-policy": { "access-lists": { "access-list": [ { "name": "from" } ] } },
    "to-device-policy": { "access-lists": { "access-list": [ { "name": "to" } ] } }
  },
  "ietf-access-control-list:acls": {
    "acl": [
)";
    for (const QByteArray &direction : {QByteArray("from"), QByteArray("to")}) {
        const bool from = direction == "from";
        text += "      {\n        \"name\": \"" + direction + "\",\n        \"type\": \"ipv4-acl-type\",\n" +
                "        \"aces\": {\n          \"ace\": [\n";
        for (int i = 0; i < rules / 2; ++i) {
            const QByteArray number = QByteArray::number(i);
            text += "            {\n              \"name\": \"rule-" + number +
                    "\",\n              \"matches\": {\n                \"ipv4\": {\n                  \"ietf-acldns:" +
                    (from ? "dst" : "src") + "-dnsname\": \"host" + number +
                    ".mud.example\",\n                  \"protocol\": 6\n                },\n                \"tcp\": "
                    "{\n                  \"ietf-mud:direction-initiated\": \"from-device\",\n                  \"" +
                    (from ? "destination" : "source") +
                    "-port\": {\n                    \"operator\": \"eq\",\n                    \"port\": " +
                    QByteArray::number(1000 + i) +
                    "\n                  }\n                }\n              },\n              \"actions\": {\n"
                    "                \"forwarding\": \"accept\"\n              }\n            }" +
                    (i + 1 < rules / 2 ? ",\n" : "\n");
        }
        text += "          ]\n        }\n      }" + QByteArray(from ? ",\n" : "\n");
    }
    return text + "    ]\n  }\n}\n";
}

double processorSeconds()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

template <typename Work> double perSecond(Work work)
{
    work(); // warm
    const double begin = processorSeconds();
    double spent = 0;
    int rounds = 0;
    for (; spent < 1.0; ++rounds, spent = processorSeconds() - begin)
        work();
    return rounds / spent;
}

} // namespace

int main(int argc, char **argv)
{
    const int rules = argc > 1 ? std::max(2, atoi(argv[1])) : 200;
    const QByteArray text = mudFile(rules);
    const auto findings = checkMudFile(MudFile::parse(text));
    for (const MudFinding &finding : findings)
        std::printf("%d: %s\n", finding.line, qPrintable(finding.message));
    if (!findings.isEmpty())
        return 1;
    const double qt = perSecond([&] { (void)QJsonDocument::fromJson(text); });
    const double json = perSecond([&] { (void)readJson(text); });
    const double read = perSecond([&] { (void)MudFile::parse(text); });
    const double judged = perSecond([&] { (void)checkMudFile(MudFile::parse(text)); });
    std::printf("MUD file of %d rules, %lld bytes, one core\n", rules, static_cast<long long>(text.size()));
    std::printf("  Qt's JSON reader          %8.0f files/s\n", qt);
    std::printf("  JSON with lines           %8.0f files/s  %5.2f of Qt's\n", json, json / qt);
    std::printf("  read into typed structs   %8.0f files/s  %5.2f of Qt's\n", read, read / qt);
    std::printf("  read and judged           %8.0f files/s  %5.2f of Qt's  (target 200: %.1f times)\n", judged,
                judged / qt, judged / 200);
    return 0;
}
