#include "drivers/linux/linuxfiles.h"

#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/base64.h"

#include <QFileInfo>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using console::shellWord;

namespace {

constexpr qsizetype firstPiece = 16 * 1024, smallestPiece = 1024, largestPiece = 256 * 1024;
constexpr double secondsOfLine = 3;   // in one piece, at most: each costs the device half a dozen programs
constexpr qsizetype lineLength = 512; // of encoded lines; fits any terminal that edits lines
constexpr int mostRetries = 10;       // of one piece
constexpr auto programTime = 20s;     // for hashing and writing a piece on a slow device
constexpr auto wholeFile = 10min;     // for hashing and moving a file there
constexpr int badHash = 9, badWrite = 8;

QString shown(const QString &path)
{
    return oneLine(path, 80);
}

QString partOf(const QString &path)
{
    return path + u".slipway-part"_s;
}

// A name that no program takes for an option.
QString named(const QString &path)
{
    return shellWord(path.startsWith(u'-') ? u"./"_s + path : path);
}

} // namespace

LinuxConsole::Reply LinuxFiles::shell(const QString &command, const QString &what, const Task &task)
{
    LinuxConsole::Order order;
    order.command = command.toUtf8();
    order.what = what;
    order.patience = wholeFile;
    return m_console.run(order, task);
}

LinuxConsole::Reply LinuxFiles::inLoop(const QString &command, const QString &what, const Task &task)
{
    LinuxConsole::Order order;
    order.command = command.toUtf8();
    order.what = what;
    order.input = LinuxConsole::Input::Terminal;
    return m_console.run(order, task);
}

void LinuxFiles::trouble(const QString &words, const QString &path, const QString &what) const
{
    const QString plain = oneLine(words, 200);
    if (words.contains("Read-only file system"_L1, Qt::CaseInsensitive))
        throw Fault("linux.read-only", {shown(path)}, plain);
    for (const auto &full : {"No space left"_L1, "Disk quota exceeded"_L1, "File too large"_L1})
        if (words.contains(full, Qt::CaseInsensitive))
            throw Fault("linux.full", {shown(path)}, plain);
    for (const auto &denied : {"Permission denied"_L1, "Operation not permitted"_L1})
        if (words.contains(denied, Qt::CaseInsensitive))
            throw Fault("linux.permission", {what, m_board.user}, plain);
    // "nonexistent directory" is what ash says of a redirection.
    for (const auto &missing : {"No such file"_L1, "nonexistent directory"_L1, "Directory nonexistent"_L1})
        if (words.contains(missing, Qt::CaseInsensitive))
            throw Fault("linux.no-file", {shown(path)}, plain);
    throw Fault("device.refused", {what, plain.isEmpty() ? u"no reason given"_s : plain});
}

// Tells the loop the functions h (hash of its input), g (takes a piece), r (reads a piece), s (sends one).
void LinuxFiles::setUp(const Task &task)
{
    if (!m_console.isAttached())
        m_console.attach(task);
    if (m_session == m_console.session())
        return;
    const bool counts = m_console.has("head") || m_console.has("dd");
    const bool base64 = m_console.has("base64");
    const bool wantsRaw = m_board.encoding == LinuxEncoding::Best || m_board.encoding == LinuxEncoding::Raw;
    m_counted = counts;
    if (wantsRaw && !m_rawFails && m_console.isTransparent() && counts)
        m_out = LinuxEncoding::Raw;
    else if (base64 && m_board.encoding != LinuxEncoding::Text)
        m_out = LinuxEncoding::Base64;
    else {
        m_out = LinuxEncoding::Text;
        m_counted = false;
    }
    if (wantsRaw && !m_rawFails && m_console.isTransparent())
        m_in = LinuxEncoding::Raw;
    else if (base64 && m_board.encoding != LinuxEncoding::Text)
        m_in = LinuxEncoding::Base64;
    else
        m_in = LinuxEncoding::Text;

    QString hasher;
    if (m_console.has("sha256sum")) {
        m_hash = Hash::Sha256;
        hasher = u"sha256sum"_s;
    } else if (m_console.has("openssl")) {
        m_hash = Hash::OpenSsl;
        hasher = u"openssl dgst -sha256 -r"_s;
    } else if (m_console.has("md5sum")) {
        m_hash = Hash::Md5;
        hasher = u"md5sum"_s;
    } else if (m_console.has("cksum")) {
        m_hash = Hash::Cksum;
        hasher = u"cksum"_s;
    } else {
        throw Fault("linux.no-tools", {u"sha256sum, openssl, md5sum or cksum"_s});
    }

    QString take;
    if (m_counted) {
        take = m_console.has("head") ? u"head -c $1"_s : u"dd bs=1 count=$1 2>/dev/null"_s;
        if (m_out == LinuxEncoding::Base64)
            take += u"|base64 -d"_s;
    } else if (m_out == LinuxEncoding::Base64) {
        take = u"while IFS= read -r x&&[ \"$x\" != . ];do printf '%s\\n' \"${x#?}\";done|base64 -d"_s;
    } else {
        take = u"while IFS= read -r x&&[ \"$x\" != . ];do printf %b \"${x#?}\";done"_s;
    }
    // While a piece goes over, two seconds of silence end it: a cable that was pulled leaves nobody waiting.
    const bool modes = m_console.isTransparent();
    const QString before = modes ? u"stty raw -echo min 0 time 20;"_s : QString();
    const QString after = modes ? u"stty raw -echo isig min 1 time 0;"_s : QString();
    const QString reader = m_console.has("dd") ? u"dd if=\"$F\" bs=1024 skip=$1 count=$2 2>/dev/null"_s
                                               : u"tail -c +$(($1*1024+1)) <\"$F\"|head -c $(($2*1024))"_s;
    QString dump = u"r $1 $2"_s;
    if (m_in == LinuxEncoding::Base64)
        dump += u"|base64"_s;
    else if (m_in == LinuxEncoding::Text)
        dump += m_console.has("od") ? u"|od -An -v -tx1"_s : u"|hexdump -v -e '16/1 \"%02x\" \"\\n\"'"_s;
    const QString functions =
        u"h(){ set -- $(%1);echo \"$1\";};"
        "g(){ %2m \"G$L\";{ %3;} >\"$D/c\";%4[ \"$(h <\"$D/c\")\" = \"$2\" ]||return 9;cat \"$D/c\" >>\"$P\"||return "
        "8;};"
        "r(){ %5;};s(){ k=$(r $1 $2|h);m \"G$L $k\";%6;}"_s.arg(hasher, before, take, after, reader, dump);
    const auto reply = inLoop(functions, u"preparing a transfer"_s, task);
    if (!reply.ok())
        throw Fault("linux.no-shell", {m_console.info().port, oneLine(reply.text(), 80)});
    m_session = m_console.session();
}

QByteArray LinuxFiles::hash(QByteArrayView bytes) const
{
    switch (m_hash) {
    case Hash::Sha256:
    case Hash::OpenSsl: {
        QCryptographicHash sum(QCryptographicHash::Sha256);
        sum.addData(bytes);
        return sum.result().toHex();
    }
    case Hash::Md5: {
        QCryptographicHash sum(QCryptographicHash::Md5);
        sum.addData(bytes);
        return sum.result().toHex();
    }
    case Hash::Cksum:
        break;
    }
    return QByteArray::number(console::cksum(bytes));
}

std::chrono::milliseconds LinuxFiles::wireTime(qsizetype bytes) const
{
    const double rate = m_console.info().bytesPerSecond();
    return std::chrono::milliseconds(qint64(1500 * double(bytes) / (rate > 0 ? rate : 960)));
}

QByteArray LinuxFiles::encoded(QByteArrayView piece) const
{
    if (m_out == LinuxEncoding::Raw)
        return piece.toByteArray();
    QByteArray code;
    if (m_out == LinuxEncoding::Base64) {
        code.resize(base64Length(piece.size()));
        encodeBase64(piece, code.data());
    }
    QByteArray out;
    if (m_out == LinuxEncoding::Base64) {
        out.reserve(code.size() + code.size() / lineLength * 2 + 4);
        for (qsizetype at = 0; at < code.size(); at += lineLength)
            out += (m_counted ? QByteArray() : QByteArray("+")) + code.mid(at, lineLength) + '\n';
    } else {
        constexpr qsizetype step = 100; // at most 500 characters
        for (qsizetype at = 0; at < piece.size(); at += step)
            out += '+' + console::forPrintf(piece.sliced(at, std::min(step, piece.size() - at))) + '\n';
    }
    if (!m_counted)
        out += ".\n";
    return out;
}

// Makes the part file; how much of it is there already.
qint64 LinuxFiles::begin(const QByteArray &content, const QString &path, const QString &part, bool resume,
                         const Task &task)
{
    const QString what = u"write %1"_s.arg(shown(path));
    setUp(task);
    const auto made = shell(
        u"[ -d %1 ]&&exit 21;[ -e %1 ]&&[ ! -f %1 ]&&exit 22;[ ! -e %2 ]||[ -f %2 ]||exit 22;umask 077;: >>%2&&wc -c <%2"_s
            .arg(named(path), named(part)),
        what, task);
    if (made.status == 21 || made.status == 22)
        throw Fault("linux.not-a-file", {shown(path)});
    if (!made.ok())
        trouble(made.text(), path, what);
    const qint64 there = made.text().toLongLong();
    bool goOn = false;
    m_console.scratch(task);
    const auto told = inLoop(u"P=%1"_s.arg(named(part)), what, task);
    if (!told.ok())
        trouble(told.text(), path, what);
    if (resume && there > 0 && there <= content.size()) {
        LinuxConsole::Order order{"h <\"$P\"", what, wholeFile, LinuxConsole::Input::Terminal};
        goOn = m_console.run(order, task).text().toLatin1() == hash(QByteArrayView(content).first(there));
    }
    if (!goOn && there > 0 && !inLoop(u": >\"$P\""_s, what, task).ok())
        throw Fault("device.refused", {what, u"its unfinished copy cannot be emptied"_s});
    const qint64 from = goOn ? there : 0;
    if (const auto free = room(path, task); free && *free < content.size() - from)
        throw Fault("linux.no-space", {shown(path), humanSize(*free), humanSize(content.size() - from)});
    return from;
}

// Whether the piece is part of the file now; false: it arrived damaged.
bool LinuxFiles::putPiece(QByteArrayView piece, const QString &path, const Task &task,
                          const std::function<void(qsizetype)> &sent)
{
    const QByteArray wire = encoded(piece);
    const auto span = wireTime(wire.size()) + programTime;
    LinuxConsole::Order order;
    order.command = "g " + QByteArray::number(wire.size()) + ' ' + hash(piece);
    order.what = u"writing %1"_s.arg(shown(path));
    order.input = LinuxConsole::Input::Terminal;
    order.patience = span + 10s;
    order.limit = 4 * wire.size() + 64 * 1024; // a terminal that cannot be told otherwise echoes
    order.ready = [&] {
        m_console.send(wire, task, Deadline::in(span), [&](qsizetype n) { sent(n * piece.size() / wire.size()); });
    };
    const auto reply = m_console.run(order, task);
    if (reply.status == 0 || reply.status == badHash)
        return reply.ok();
    if (reply.status == badWrite)
        trouble(reply.text(), path, u"write %1"_s.arg(shown(path)));
    const QString words = reply.text();
    if (words.contains("space"_L1) || words.contains("enied"_L1) || words.contains("Read-only"_L1))
        trouble(words, m_console.scratch(task), u"write %1"_s.arg(shown(path)));
    return false;
}

void LinuxFiles::finish(const QByteArray &content, const QString &path, const QString &part, Readers readers,
                        const Task &task)
{
    const QString what = u"write %1"_s.arg(shown(path));
    LinuxConsole::Order order{"h <\"$P\"", what, wholeFile, LinuxConsole::Input::Terminal};
    const auto sum = m_console.run(order, task);
    if (sum.text().toLatin1() != hash(content)) {
        shell(u"rm -f %1"_s.arg(named(part)), what, task);
        throw Fault("linux.other-bytes", {shown(path)}, oneLine(sum.text()));
    }
    // A file that exists keeps its owner and mode; its name holds the old content or the new, never half. A link stays
    // one.
    if (readers == Readers::Owner) // before the content is in it
        shell(u"[ ! -f %1 ]||chmod 600 %1"_s.arg(named(path)), what, task);
    const auto moved =
        shell(u"t=%1;p=%2;[ ! -L \"$t\" ]||t=$(readlink -f \"$t\" 2>/dev/null)||exit 1;"
              "if [ -f \"$t\" ];then cp -p \"$t\" \"$p.new\"&&cat \"$p\" >\"$p.new\"&&sync&&mv -f \"$p.new\" \"$t\"&&"
              "rm -f \"$p\"||{ rm -f \"$p.new\";exit 1;};else chmod %3 \"$p\";sync;mv -f \"$p\" \"$t\";fi"_s.arg(
                  named(path), named(part), readers == Readers::Owner ? u"600"_s : u"644"_s),
              what, task);
    if (!moved.ok())
        trouble(moved.text(), path, what);
}

LinuxFiles::Sent LinuxFiles::put(const QByteArray &content, const QString &path, bool resume, const Task &task,
                                 Readers readers)
{
    const QString part = partOf(path);
    Sent out;
    out.resumedAt = begin(content, path, part, resume, task);
    if (task.progress) {
        task.progress->setTotal(content.size());
        task.progress->setDone(out.resumedAt);
    }
    const auto started = std::chrono::steady_clock::now();
    const double rate = m_console.info().bytesPerSecond();
    const qsizetype most = m_board.chunk > 0 ? m_board.chunk
                           : rate > 0
                               ? std::clamp<qsizetype>(qsizetype(rate * secondsOfLine), 4 * smallestPiece, largestPiece)
                               : 4 * firstPiece;
    qsizetype size = std::min(most, rate > 0 ? std::max(smallestPiece, most / 4) : firstPiece);
    qint64 at = out.resumedAt;
    int failed = 0;
    while (at < content.size()) {
        const qsizetype n = std::min<qsizetype>(size, content.size() - at);
        qsizetype passed = 0;
        const bool good = putPiece(QByteArrayView(content).sliced(at, n), path, task, [&](qsizetype more) {
            passed += more;
            if (task.progress)
                task.progress->setDone(at + std::min(passed, n));
        });
        if (good) {
            at += n;
            failed = 0;
            size = std::min(most, size * 2);
        } else {
            ++out.retries;
            task.say(u"A piece of %1 arrived damaged at byte %2; it goes again."_s.arg(shown(path)).arg(at));
            // Something on the way does not let all bytes through: characters that everything does.
            if (++failed == 3 && m_out == LinuxEncoding::Raw && at == out.resumedAt && m_console.has("base64") &&
                m_board.encoding == LinuxEncoding::Best) {
                m_rawFails = true;
                m_session = 0;
                setUp(task);
                inLoop(u"P=%1"_s.arg(named(part)), u"write %1"_s.arg(shown(path)), task);
            }
            if (failed > mostRetries)
                throw Fault("linux.garbled", {m_console.info().port, u"writing %1"_s.arg(shown(path))});
            size = std::max(smallestPiece, size / 2);
        }
        if (task.progress)
            task.progress->setDone(at);
    }
    finish(content, path, part, readers, task);
    out.bytes = content.size() - out.resumedAt;
    out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    out.how = m_out == LinuxEncoding::Raw ? u"raw"_s : m_out == LinuxEncoding::Base64 ? u"base64"_s : u"text"_s;
    return out;
}

std::optional<QByteArray> LinuxFiles::getPiece(qint64 atKiB, qint64 kiB, const QString &path, const Task &task)
{
    LinuxConsole::Order order;
    order.command = "s " + QByteArray::number(atKiB) + ' ' + QByteArray::number(kiB);
    order.what = u"reading %1"_s.arg(shown(path));
    order.input = LinuxConsole::Input::Terminal;
    order.limit = kiB * 1024 * 4 + 64 * 1024;
    order.patience = wireTime(order.limit) + programTime;
    const auto reply = m_console.run(order, task);
    // As it came first: a file may hold what looks like a kernel's message.
    for (const QByteArray &text : {reply.raw, reply.output}) {
        const qsizetype mark = text.indexOf(QByteArray(1, console::markByte) + 'G');
        const qsizetype end = mark < 0 ? -1 : text.indexOf('\n', mark);
        if (end < 0)
            continue;
        const QByteArray sum = text.mid(mark, end - mark).trimmed().split(' ').value(1);
        QByteArray body = text.mid(end + 1), plain;
        if (m_in == LinuxEncoding::Raw) {
            plain = body;
        } else {
            body.replace('\n', QByteArray()).replace('\r', QByteArray());
            if (m_in == LinuxEncoding::Text)
                plain = fromHex(QString::fromLatin1(body.replace(' ', QByteArray()))).value_or(QByteArray());
            else if (!decodeBase64(body, plain))
                continue;
        }
        if (hash(plain) == sum)
            return plain;
    }
    return std::nullopt;
}

QByteArray LinuxFiles::get(const QString &path, qint64 limit, const Task &task)
{
    const QString what = u"give the file %1"_s.arg(shown(path));
    setUp(task);
    const bool readable = m_console.has("dd") || (m_console.has("tail") && m_console.has("head"));
    if (!readable || (m_in == LinuxEncoding::Text && !m_console.has("od") && !m_console.has("hexdump")))
        throw Fault("linux.no-tools", {readable ? u"base64, od or hexdump"_s : u"dd, or tail and head"_s});
    const auto told =
        inLoop(u"F=%1;[ ! -d \"$F\" ]||{ echo 'is a folder';false; }&&wc -c <\"$F\""_s.arg(named(path)), what, task);
    if (told.text() == "is a folder"_L1)
        throw Fault("linux.not-a-file", {shown(path)});
    if (!told.ok())
        trouble(told.text(), path, what);
    const qint64 total = told.text().toLongLong();
    if (total > limit)
        throw Fault("linux.file-too-large", {shown(path), humanSize(total), humanSize(limit)});
    if (task.progress)
        task.progress->setTotal(total);
    const double rate = m_console.info().bytesPerSecond();
    const qint64 most = rate > 0 ? std::clamp<qint64>(qint64(rate * secondsOfLine) / 1024, 4, largestPiece / 1024) : 64;
    qint64 kiB = std::max<qint64>(1, most / 4);
    QByteArray content;
    int failed = 0;
    while (content.size() < total) {
        const auto piece = getPiece(content.size() / 1024, kiB, path, task);
        const qint64 wanted = std::min<qint64>(kiB * 1024, total - content.size());
        if (piece && piece->size() == wanted) {
            content += *piece;
            failed = 0;
            kiB = std::min(most, kiB * 2);
        } else if (piece) {
            throw Fault("linux.file-changed", {shown(path)});
        } else {
            if (++failed > mostRetries)
                throw Fault("linux.garbled", {m_console.info().port, u"reading %1"_s.arg(shown(path))});
            if (failed == 3 && m_in == LinuxEncoding::Raw && m_console.has("base64") &&
                m_board.encoding == LinuxEncoding::Best) {
                m_rawFails = true;
                m_session = 0;
                setUp(task);
            }
            kiB = std::max<qint64>(1, kiB / 2);
        }
        if (task.progress)
            task.progress->setDone(content.size());
    }
    LinuxConsole::Order order{"h <\"$F\"", what, wholeFile, LinuxConsole::Input::Terminal};
    if (m_console.run(order, task).text().toLatin1() != hash(content))
        throw Fault("linux.file-changed", {shown(path)});
    return content;
}

bool LinuxFiles::exists(const QString &path, const Task &task)
{
    return shell(u"[ -e %1 ]"_s.arg(named(path)), u"looking for %1"_s.arg(shown(path)), task).ok();
}

void LinuxFiles::remove(const QString &path, const Task &task)
{
    const QString what = u"remove %1"_s.arg(shown(path));
    const auto reply =
        shell(u"[ -e %1 ]||[ -L %1 ]||{ echo 'No such file';exit 1; };rm %1"_s.arg(named(path)), what, task);
    if (!reply.ok())
        trouble(reply.text(), path, what);
}

std::optional<QByteArray> LinuxFiles::sha256(const QString &path, const Task &task)
{
    if (!m_console.isAttached())
        m_console.attach(task);
    const QString what = u"hash %1"_s.arg(shown(path));
    const bool own = m_console.has("sha256sum");
    if (!own && !m_console.has("openssl"))
        return std::nullopt;
    const auto reply =
        shell((own ? u"sha256sum <%1"_s : u"openssl dgst -sha256 -r <%1"_s).arg(named(path)), what, task);
    if (!reply.ok())
        trouble(reply.text(), path, what);
    const auto sum = fromHex(reply.text().section(u' ', 0, 0));
    if (!sum || sum->size() != 32)
        throw Fault("linux.output-form", {u"sha256sum"_s}, oneLine(reply.text()));
    return sum;
}

std::optional<qint64> LinuxFiles::room(const QString &path, const Task &task)
{
    if (!m_console.isAttached())
        m_console.attach(task);
    if (!m_console.has("df"))
        return std::nullopt;
    const QString folder = path.contains(u'/') ? path.section(u'/', 0, -2) + u'/' : u"."_s;
    const auto reply = shell(u"df -Pk %1"_s.arg(named(folder)), u"asking for free space"_s, task);
    static const QRegularExpression line(u"\\s\\d+\\s+\\d+\\s+(\\d+)\\s+\\d+%\\s"_s);
    const auto found = line.match(reply.text());
    bool isNumber = false;
    const qint64 kiB = found.captured(1).toLongLong(&isNumber);
    if (!reply.ok() || !found.hasMatch() || !isNumber || kiB > (qint64(1) << 50))
        return std::nullopt;
    return kiB * 1024;
}

} // namespace slipway
