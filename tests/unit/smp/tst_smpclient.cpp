// The client against a scripted server: loss, lateness, duplicates, damage, noise, versions, windows, restarts.

#include "core/base/progress.h"
#include "core/codec/consoleframing.h"
#include "drivers/smp/imageupload.h"
#include "drivers/smp/smpclient.h"
#include "drivers/smp/smpfiles.h"
#include "drivers/smp/smpos.h"
#include "drivers/smp/smpsettings.h"
#include "tests/support/testmain.h"
#include "tests/unit/smp/scriptedpeer.h"

#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QRandomGenerator>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

QByteArray some(qsizetype n)
{
    QRandomGenerator random(5);
    QByteArray out(n, Qt::Uninitialized);
    for (char &c : out)
        c = static_cast<char>(random.bounded(256));
    return out;
}

Task task(std::chrono::milliseconds span = 30s)
{
    Task t;
    t.deadline = Deadline::in(span);
    return t;
}

QString faultOf(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"none"_s;
}

// A server that takes uploads as Zephyr does, with trouble on request.
struct UploadServer {
    QByteArray content;
    qint64 total = 0;
    QByteArray sha;
    int pieces = 0;   // upload requests that came
    int silentAt = 0; // this piece is not seen
    int loseAnswerAt = 0;
    int twiceAt = 0;
    int noMemoryEvery = 0;
    int forgetAt = 0; // as after a restart
    int damageAt = 0;
    bool forgetsShas = false; // MCUboot: offset 0 is always a new upload
    std::optional<bool> match;
    ScriptedPeer *peer = nullptr;

    QList<QByteArray> take(const ScriptedPeer::Request &request)
    {
        ++pieces;
        if (pieces == silentAt)
            return {};
        if (pieces == forgetAt) {
            content.clear();
            total = 0;
            sha.clear();
        }
        if (noMemoryEvery && pieces % noMemoryEvery == 0)
            return {peer->answer(request, {{u"rc"_s, 2}})};
        const qint64 off = request.body.value("off"_L1).toInteger(-1);
        const QByteArray data = request.body.value("data"_L1).toByteArray();
        if (off == 0) {
            const QByteArray its = request.body.value("sha"_L1).toByteArray();
            if (its != sha || forgetsShas || sha.isEmpty()) {
                content.clear();
                sha = its;
                total = request.body.value("len"_L1).toInteger();
            }
        }
        if (off == content.size() && total > 0)
            content += data;
        QCborMap body{{u"off"_s, qint64(content.size())}};
        if (total > 0 && content.size() == total && match)
            body.insert(u"match"_s, *match);
        const QByteArray answer = peer->answer(request, body);
        if (pieces == loseAnswerAt)
            return {};
        if (pieces == twiceAt)
            return {answer, answer};
        if (pieces == damageAt) {
            QByteArray broken = answer;
            broken[10] = broken[10] == 'A' ? 'B' : 'A';
            return {broken};
        }
        return {answer};
    }
};

} // namespace

class TestSmpClient : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void askAndAnswer()
    {
        ScriptedPeer *self = nullptr;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            return {self->answer(request, {{u"r"_s, request.body.value("d"_L1)}})};
        });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        for (int i = 0; i < 600; ++i) // the sequence number goes round twice
            QCOMPARE(smp::echo(client, QString::number(i), task()), QString::number(i));
        QVERIFY(peer.heard().startsWith("\n\x06\x09"));
        QCOMPARE(client.ignored(), 0);
    }

    // Silence: asked again behind a newline; the late and the second answer do no harm.
    void lostLateTwice()
    {
        ScriptedPeer *self = nullptr;
        QByteArray late;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            const QByteArray answer = self->answer(request, {{u"r"_s, request.body.value("d"_L1)}});
            switch (request.number) {
            case 1:
                late = answer;
                return {};
            case 2:
                return {late, answer, answer};
            default:
                return {answer};
            }
        });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        const SmpClient::Patience quick{50ms, 3};
        QCOMPARE(smp::echo(client, u"one"_s, task(), quick), u"one"_s);
        QCOMPARE(smp::echo(client, u"two"_s, task(), quick), u"two"_s);
        QCOMPARE(smp::echo(client, u"three"_s, task(), quick), u"three"_s);
        QCOMPARE(client.ignored(), 2);
        QCOMPARE(peer.heard().count("\n\n\x06\x09"), 1);
    }

    void damageAndNoise()
    {
        ScriptedPeer *self = nullptr;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            const QByteArray answer = self->answer(request, {{u"r"_s, request.body.value("d"_L1)}});
            if (request.number == 1) {
                QByteArray broken = answer;
                broken[9] = broken[9] == 'A' ? 'B' : 'A';
                return {broken};
            }
            return {"\x1b[8D\x1b[J[00:00:43.906] \x1b[1;31m<err> app: no\x1b[0m\r\n\x1b[1;32muart:~$ \x1b[m" + answer,
                    "uart:~$ "};
        });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        QCOMPARE(smp::echo(client, u"x"_s, task(), {50ms, 3}), u"x"_s);
        QCOMPARE(smp::echo(client, u"y"_s, task(), {1000ms, 1}), u"y"_s);
        QCOMPARE(peer.requests(), 3);
    }

    void silence()
    {
        ScriptedPeer peer([](const auto &) { return QList<QByteArray>(); });
        SmpClient client(peer.link(), SmpFraming::Console);
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(faultOf([&] { smp::echo(client, u"x"_s, task(), {30ms, 3}); }), u"smp.no-answer"_s);
        QCOMPARE(peer.requests(), 3);
        // What was to be done once was asked once.
        QCOMPARE(faultOf([&] { smp::echo(client, u"x"_s, task(), {30ms, 1}); }), u"smp.no-answer"_s);
        QCOMPARE(peer.requests(), 4);
        // The task's own end comes first.
        QCOMPARE(faultOf([&] { smp::echo(client, u"x"_s, task(50ms), {10s, 3}); }), u"base.timeout"_s);
        QVERIFY(timer.elapsed() < 5000);
    }

    void somethingElse()
    {
        ScriptedPeer peer([](const auto &) -> QList<QByteArray> { return {"login: "}; });
        SmpClient client(peer.link(), SmpFraming::Console);
        try {
            smp::echo(client, u"x"_s, task(), {100ms, 1});
            QFAIL("no fault");
        } catch (const Fault &fault) {
            QCOMPARE(fault.sentence(), u"What is on test does not speak SMP; it says \"login: \"."_s);
        }
    }

    void stopIsPrompt()
    {
        ScriptedPeer peer([](const auto &) { return QList<QByteArray>(); });
        SmpClient client(peer.link(), SmpFraming::Console);
        std::stop_source stop;
        Task t = task();
        t.stop = stop.get_token();
        std::atomic<qint64> askedAt{0};
        QElapsedTimer clock;
        clock.start();
        std::jthread stopper([&] {
            QDeadlineTimer end(5000);
            while (peer.requests() == 0 && !end.hasExpired())
                std::this_thread::yield();
            askedAt = clock.nsecsElapsed();
            stop.request_stop();
        });
        QCOMPARE(faultOf([&] { smp::echo(client, u"x"_s, t, {20s, 1}); }), u"base.stopped"_s);
        QVERIFY((clock.nsecsElapsed() - askedAt) / 1e6 < 500);
    }

    void gone()
    {
        ScriptedPeer *self = nullptr;
        ScriptedPeer peer([&](const auto &) {
            self->hangUp();
            return QList<QByteArray>();
        });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        QCOMPARE(faultOf([&] { smp::echo(client, u"x"_s, task()); }), u"link.gone"_s);
        QCOMPARE(faultOf([&] { uploadImage(client, some(5000), {}, 1s, task()); }), u"link.gone"_s);
    }

    void versions()
    {
        ScriptedPeer *self = nullptr;
        QList<int> seen;
        ScriptedPeer tooNew([&](const auto &request) -> QList<QByteArray> {
            seen << request.header.version;
            if (request.header.version > 0)
                return {self->answer(request, {{u"rc"_s, 13}})};
            return {self->answer(request, {{u"r"_s, u"ok"_s}})};
        });
        self = &tooNew;
        SmpClient client(tooNew.link(), SmpFraming::Console);
        QCOMPARE(smp::echo(client, u"x"_s, task()), u"ok"_s);
        QCOMPARE(smp::echo(client, u"x"_s, task()), u"ok"_s);
        QCOMPARE(seen, (QList<int>{1, 0, 0}));
        QCOMPARE(client.version(), 0);

        // A server from before versions answers with the bits clear.
        ScriptedPeer old([&](const auto &request) -> QList<QByteArray> {
            auto plain = request;
            plain.header.version = 0;
            return {self->answer(plain, {{u"rc"_s, 5}})};
        });
        self = &old;
        SmpClient second(old.link(), SmpFraming::Console);
        try {
            smp::readSetting(second, u"x"_s, task());
            QFAIL("no fault");
        } catch (const SmpRefusal &refusal) {
            QCOMPARE(refusal.sentence(), u"The device refused to read the setting x: it has no such thing."_s);
            QVERIFY(refusal.error().isNotFound());
        }
        QCOMPARE(second.version(), 0);
    }

    void badAnswers_data()
    {
        QTest::addColumn<QByteArray>("cbor");
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("array") << QByteArray::fromHex("80");
        QTest::newRow("cut") << QByteArray::fromHex("bf6172");
        QTest::newRow("deep") << QByteArray(200, '\x81');
        QTest::newRow("huge") << QByteArray::fromHex("5bffffffffffffffff");
    }
    void badAnswers()
    {
        QFETCH(QByteArray, cbor);
        ScriptedPeer *self = nullptr;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> { return {self->answerBytes(request, cbor)}; });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(faultOf([&] { smp::echo(client, u"x"_s, task()); }), u"smp.bad-reply"_s);
        QVERIFY(timer.elapsed() < 900); // at once, not after silence
    }

    void framings_data()
    {
        QTest::addColumn<int>("framing");
        QTest::newRow("console") << int(SmpFraming::Console);
        QTest::newRow("raw") << int(SmpFraming::Raw);
        QTest::newRow("datagram") << int(SmpFraming::Datagram);
    }
    void framings()
    {
        QFETCH(int, framing);
        UploadServer server;
        std::atomic<qsizetype> largest{0};
        ScriptedPeer peer(
            [&](const auto &request) -> QList<QByteArray> {
                largest = std::max(largest.load(), request.packet.size());
                if (request.header.group == smp::Os)
                    return {server.peer->answer(request, {{u"buf_size"_s, 2048}, {u"buf_count"_s, 4}})};
                return server.take(request);
            },
            SmpFraming(framing));
        server.peer = &peer;
        server.match = true;
        SmpClient client(peer.link(921600), SmpFraming(framing));
        QVERIFY(smp::askParameters(client, task()).told);
        QCOMPARE(client.parameters().bufferCount, 4);
        const QByteArray image = some(100'000);
        const auto result = uploadImage(client, image, {}, 1s, task());
        QVERIFY(server.content == image);
        QCOMPARE(result.bytes, image.size());
        QCOMPARE(result.resumedAt, 0);
        const qsizetype most = framing == int(SmpFraming::Datagram) ? 1472
                               : framing == int(SmpFraming::Raw)    ? 2048
                                                                    : 2044;
        QVERIFY(largest <= most);
        QVERIFY(largest >= most - 16);
    }

    void window()
    {
        // Answers are held back until the device's buffers are full: so many are in flight, and not one more.
        UploadServer server;
        QList<ScriptedPeer::Request> held;
        int most = 0;
        bool first = true;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            if (first) {
                first = false;
                return server.take(request);
            }
            held << request;
            most = std::max(most, int(held.size()));
            const qint64 end =
                request.body.value("off"_L1).toInteger() + request.body.value("data"_L1).toByteArray().size();
            QList<QByteArray> out;
            if (held.size() == 3 || end == server.total) {
                for (const auto &each : std::as_const(held))
                    out << server.take(each);
                held.clear();
            }
            return out;
        });
        server.peer = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        client.setParameters({512, 3, true});
        const QByteArray image = some(20'000);
        Progress progress;
        Task t = task();
        t.progress = &progress;
        uploadImage(client, image, {}, 1s, t);
        QVERIFY(server.content == image);
        QCOMPARE(most, 3);
        QCOMPARE(progress.snapshot().done, 20'000);
        QCOMPARE(progress.snapshot().total, 20'000);
    }

    void trouble_data()
    {
        QTest::addColumn<int>("silent");
        QTest::addColumn<int>("lose");
        QTest::addColumn<int>("twice");
        QTest::addColumn<int>("noMemory");
        QTest::addColumn<int>("forget");
        QTest::addColumn<int>("damage");
        QTest::addColumn<bool>("mcuboot");
        for (const bool mcuboot : {false, true}) {
            const QByteArray tag = mcuboot ? " (MCUboot)" : "";
            QTest::newRow(("nothing" + tag).constData()) << 0 << 0 << 0 << 0 << 0 << 0 << mcuboot;
            QTest::newRow(("request lost" + tag).constData()) << 5 << 0 << 0 << 0 << 0 << 0 << mcuboot;
            QTest::newRow(("answer lost" + tag).constData()) << 0 << 5 << 0 << 0 << 0 << 0 << mcuboot;
            QTest::newRow(("answer twice" + tag).constData()) << 0 << 0 << 5 << 0 << 0 << 0 << mcuboot;
            QTest::newRow(("no memory" + tag).constData()) << 0 << 0 << 0 << 4 << 0 << 0 << mcuboot;
            QTest::newRow(("restart" + tag).constData()) << 0 << 0 << 0 << 0 << 8 << 0 << mcuboot;
            QTest::newRow(("answer damaged" + tag).constData()) << 0 << 0 << 0 << 0 << 0 << 6 << mcuboot;
            QTest::newRow(("all of it" + tag).constData()) << 4 << 7 << 9 << 6 << 11 << 15 << mcuboot;
        }
    }
    void trouble()
    {
        QFETCH(int, silent);
        QFETCH(int, lose);
        QFETCH(int, twice);
        QFETCH(int, noMemory);
        QFETCH(int, forget);
        QFETCH(int, damage);
        QFETCH(bool, mcuboot);
        UploadServer server;
        server.silentAt = silent;
        server.loseAnswerAt = lose;
        server.twiceAt = twice;
        server.noMemoryEvery = noMemory;
        server.forgetAt = forget;
        server.damageAt = damage;
        server.forgetsShas = mcuboot;
        ScriptedPeer peer([&](const auto &request) { return server.take(request); });
        server.peer = &peer;
        SmpClient client(peer.link(10'000'000), SmpFraming::Console);
        client.setParameters({1024, 4, true});
        const QByteArray image = some(30'000);
        const auto result = uploadImage(client, image, {}, 1s, task());
        QVERIFY(server.content == image);
        QCOMPARE(result.bytes, image.size());
        QCOMPARE(server.sha, QCryptographicHash::hash(image, QCryptographicHash::Sha256));
    }

    // Lost right at the end: nothing follows that would show the loss.
    void lastPieceLost()
    {
        UploadServer server;
        ScriptedPeer peer([&](const auto &request) { return server.take(request); });
        server.peer = &peer;
        SmpClient client(peer.link(10'000'000), SmpFraming::Console);
        client.setParameters({1024, 4, true});
        const QByteArray image = some(9'000);
        server.silentAt = 9;
        uploadImage(client, image, {}, 1s, task());
        QVERIFY(server.content == image);
        QVERIFY(server.pieces > 9);
    }

    void resume()
    {
        UploadServer server;
        ScriptedPeer peer([&](const auto &request) { return server.take(request); });
        server.peer = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        client.setParameters({1024, 4, true});
        const QByteArray image = some(30'000);
        server.content = image.left(17'000);
        server.total = image.size();
        server.sha = QCryptographicHash::hash(image, QCryptographicHash::Sha256);
        const auto result = uploadImage(client, image, {}, 1s, task());
        QVERIFY(server.content == image);
        QCOMPARE(result.resumedAt, 17'000);
        QCOMPARE(result.bytes, 13'000);
        // Whole already: one question.
        const int before = server.pieces;
        QCOMPARE(uploadImage(client, image, {}, 1s, task()).bytes, 0);
        QCOMPARE(server.pieces, before + 1);
        // Another image in between is no part of this one.
        const QByteArray other = some(8'000) + "x";
        QCOMPARE(uploadImage(client, other, {}, 1s, task()).resumedAt, 0);
        QVERIFY(server.content == other);
    }

    void refusals()
    {
        ScriptedPeer *self = nullptr;
        QCborMap body;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> { return {self->answer(request, body)}; });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        const auto upload = [&] { uploadImage(client, some(3000), {}, 1s, task()); };
        body = {{u"err"_s, QCborMap{{u"group"_s, 1}, {u"rc"_s, 30}}}};
        QCOMPARE(faultOf(upload), u"device.refused"_s);
        body = {{u"rc"_s, 8}};
        QCOMPARE(faultOf(upload), u"device.lacks"_s);
        body = {{u"off"_s, 5000}};
        QCOMPARE(faultOf(upload), u"smp.bad-reply"_s);
        body = {{u"off"_s, -1}};
        QCOMPARE(faultOf(upload), u"smp.bad-reply"_s);
        body = {};
        QCOMPARE(faultOf(upload), u"smp.bad-reply"_s);
        body = {{u"off"_s, 7}}; // always the same, whatever is sent
        QCOMPARE(faultOf(upload), u"smp.upload-stuck"_s);
        body = {{u"rc"_s, 2}};
        QCOMPARE(faultOf([&] { uploadImage(client, some(3000), {}, 1s, task(300ms)); }), u"base.timeout"_s);
        QCOMPARE(faultOf(upload), u"device.refused"_s);
        QCOMPARE(faultOf([&] { uploadImage(client, {}, {}, 1s, task()); }), u"smp.empty-image"_s);
    }

    void otherBytes()
    {
        UploadServer server;
        server.match = false;
        ScriptedPeer peer([&](const auto &request) { return server.take(request); });
        server.peer = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        QCOMPARE(faultOf([&] { uploadImage(client, some(3000), {}, 1s, task()); }), u"smp.other-bytes"_s);
    }

    // A device that drops what is larger than its buffer and does not tell how large that is.
    void untoldBuffer()
    {
        UploadServer server;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            if (request.packet.size() > 300)
                return {};
            return server.take(request);
        });
        server.peer = &peer;
        SmpClient client(peer.link(10'000'000), SmpFraming::Console);
        client.setParameters({512, 1, false});
        const QByteArray image = some(2'000);
        uploadImage(client, image, {}, 1s, task());
        QVERIFY(server.content == image);
    }

    void files()
    {
        QMap<QString, QByteArray> store;
        ScriptedPeer *self = nullptr;
        int lose = 0, uploads = 0;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            const QString name = request.body.value("name"_L1).toString();
            const qint64 off = request.body.value("off"_L1).toInteger();
            if (request.header.op == SmpHeader::Write) {
                ++uploads;
                if (off == 0)
                    store[name].clear();
                if (off != store[name].size())
                    return {self->answer(request, {{u"err"_s, QCborMap{{u"group"_s, 8}, {u"rc"_s, 11}}},
                                                   {u"len"_s, qint64(store[name].size())}})};
                store[name] += request.body.value("data"_L1).toByteArray();
                if (uploads == lose)
                    return {};
                return {self->answer(request, {{u"off"_s, qint64(store[name].size())}})};
            }
            if (!store.contains(name))
                return {self->answer(request, {{u"err"_s, QCborMap{{u"group"_s, 8}, {u"rc"_s, 3}}}})};
            QCborMap body{{u"off"_s, off}, {u"data"_s, store[name].mid(off, 300)}};
            if (off == 0)
                body.insert(u"len"_s, qint64(store[name].size()));
            return {self->answer(request, body)};
        });
        self = &peer;
        SmpClient client(peer.link(10'000'000), SmpFraming::Console);
        client.setParameters({512, 3, true});
        const QByteArray content = some(5'000);
        smp::uploadFile(client, u"/lfs/a"_s, content, task());
        QVERIFY(store.value(u"/lfs/a"_s) == content);
        QVERIFY(smp::downloadFile(client, u"/lfs/a"_s, 10'000, task()) == content);
        smp::uploadFile(client, u"/lfs/empty"_s, {}, task());
        QVERIFY(store.contains(u"/lfs/empty"_s));
        QCOMPARE(smp::downloadFile(client, u"/lfs/empty"_s, 10, task()), QByteArray());
        QCOMPARE(faultOf([&] { smp::downloadFile(client, u"/lfs/a"_s, 4'999, task()); }), u"smp.file-too-large"_s);
        QCOMPARE(faultOf([&] { smp::downloadFile(client, u"/lfs/b"_s, 10, task()); }), u"device.refused"_s);
        uploads = 0;
        lose = 4;
        smp::uploadFile(client, u"/lfs/c"_s, content, task());
        QVERIFY(store.value(u"/lfs/c"_s) == content);
        lose = -1; // the last one's answer: silence, then "that is there already"
        uploads = 0;
        store.clear();
        smp::uploadFile(client, u"/lfs/d"_s, content, task());
        const int count = uploads;
        uploads = 0;
        lose = count;
        smp::uploadFile(client, u"/lfs/e"_s, content, task());
        QVERIFY(store.value(u"/lfs/e"_s) == content);
    }

    // Goes on answering for a while after it took the restart, is deaf, comes back.
    void restart()
    {
        ScriptedPeer *self = nullptr;
        int resets = 0;
        QElapsedTimer sinceReset;
        int deaf = 0;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            if (request.header.command == 5) {
                ++resets;
                sinceReset.start();
                return {self->answer(request, {})};
            }
            if (resets && sinceReset.elapsed() > 200 && sinceReset.elapsed() < 600) {
                ++deaf;
                return {};
            }
            if (request.header.command == 6)
                return {self->answer(request, {{u"buf_size"_s, 700}, {u"buf_count"_s, 2}})};
            return {self->answer(request, {{u"r"_s, request.body.value("d"_L1)}})};
        });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        smp::restart(client, 10s, task());
        QVERIFY(sinceReset.elapsed() >= 600);
        QVERIFY(sinceReset.elapsed() < 2000);
        QCOMPARE(resets, 1);
        QVERIFY(deaf > 0);
        QCOMPARE(client.parameters().bufferSize, 700); // asked anew
    }

    void noRestart()
    {
        ScriptedPeer *self = nullptr;
        bool down = false;
        ScriptedPeer peer([&](const auto &request) -> QList<QByteArray> {
            if (down)
                return {};
            down = request.header.command == 5;
            return {self->answer(request, {})};
        });
        self = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        QCOMPARE(faultOf([&] { smp::restart(client, 700ms, task()); }), u"smp.no-restart"_s);
    }
};

SLIPWAY_TEST_MAIN(TestSmpClient)
#include "tst_smpclient.moc"
