#include "drivers/smp/quirks.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/quirksfile.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"smp", "smp.quirks", "smp.board-unknown"};

BoardCommand command(const QuirksNode &parent, QLatin1String name, QLatin1String pattern, QStringList more = {})
{
    if (!parent.has(name))
        return {};
    const QuirksNode node = parent.childOrEmpty(name);
    more << u"shell"_s;
    if (!pattern.isEmpty())
        more << QString(pattern);
    node.only(more);
    BoardCommand out;
    out.command = node.text("shell"_L1);
    if (!pattern.isEmpty())
        out.pattern = node.pattern(pattern);
    return out;
}

FactSource factSource(const QuirksNode &node)
{
    node.only({u"setting"_s, u"file"_s, u"shell"_s, u"form"_s, u"output"_s});
    FactSource out;
    if (node.has("setting"_L1)) {
        out.place = FactSource::Place::Setting;
        out.where = node.text("setting"_L1, QString());
    } else if (node.has("file"_L1)) {
        out.place = FactSource::Place::File;
        out.where = node.text("file"_L1, QString());
    } else {
        out.place = FactSource::Place::Shell;
        out.where = node.text("shell"_L1);
        out.output = node.pattern("output"_L1, QString());
    }
    const QString form = node.text("form"_L1, QString());
    if (form == "eui64"_L1)
        out.form = FactSource::Form::Eui64;
    else if (!form.isEmpty() && form != "text"_L1)
        node.wrong(u"form"_s, u"must be \"text\" or \"eui64\"."_s);
    return out;
}

BoardQuirks board(const QString &name, const QuirksNode &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"recognise"_s, u"link"_s, u"facts"_s, u"firmware"_s,
               u"keys"_s, u"locks"_s});
    BoardQuirks out;
    out.name = name;
    out.description = node.text("description"_L1);
    out.source = node.text("source"_L1);
    out.date = node.text("date"_L1);

    const QuirksNode recognise = node.child(u"recognise"_s);
    recognise.only({u"setting"_s, u"equals"_s, u"os-info"_s});
    if (recognise.has("os-info"_L1)) {
        out.osInfo = recognise.pattern("os-info"_L1);
    } else {
        out.setting = recognise.text("setting"_L1);
        out.equals = recognise.text("equals"_L1);
    }

    const QuirksNode link = node.childOrEmpty(u"link"_s);
    link.only({u"baud"_s, u"framing"_s});
    out.baud = link.number("baud"_L1, 1200, 12'000'000, 0);
    const QString framing = link.text("framing"_L1, QString());
    if (framing == "raw"_L1)
        out.framing = SmpFraming::Raw;
    else if (framing == "console"_L1)
        out.framing = SmpFraming::Console;
    else if (!framing.isEmpty())
        link.wrong(u"framing"_s, u"must be \"console\" or \"raw\"."_s);

    const QuirksNode facts = node.childOrEmpty(u"facts"_s);
    facts.only({u"board"_s, u"serial"_s, u"hardware-id"_s, u"security-counter"_s});
    for (const QString &key : facts.keys())
        out.facts.insert(key, factSource(facts.child(key)));

    const QuirksNode firmware = node.childOrEmpty(u"firmware"_s);
    firmware.only({u"slot-bytes"_s, u"restart-seconds"_s});
    out.slotBytes = firmware.number("slot-bytes"_L1, 1, 1 << 30, 0);
    out.restartSeconds = firmware.number("restart-seconds"_L1, 1, 3600, out.restartSeconds);

    const QuirksNode keys = node.childOrEmpty(u"keys"_s);
    keys.only(
        {u"generate"_s, u"request"_s, u"sign"_s, u"chain"_s, u"status"_s, u"derive"_s, u"element"_s, u"inject"_s});
    out.generate = command(keys, "generate"_L1, "locked"_L1);
    out.request = command(keys, "request"_L1, {}, {u"file"_s});
    if (out.request.given())
        out.requestFile = keys.childOrEmpty(u"request"_s).text("file"_L1);
    out.sign = command(keys, "sign"_L1, "output"_L1);
    if (out.sign.given() && out.sign.pattern.captureCount() < 1)
        keys.childOrEmpty(u"sign"_s).wrong(u"output"_s, u"must have a group for the signature."_s);
    out.identityStatus = command(keys, "status"_L1, "present"_L1);
    if (keys.has("chain"_L1)) {
        const QuirksNode chain = keys.childOrEmpty(u"chain"_s);
        chain.only({u"file"_s, u"form"_s});
        out.chainFile = chain.text("file"_L1);
        if (chain.text("form"_L1, QString()) != "pem"_L1)
            chain.wrong(u"form"_s, u"must be \"pem\"."_s);
    }

    out.derive = command(keys, "derive"_L1, {});
    if (keys.has("element"_L1)) {
        const QuirksNode element = keys.child(u"element"_s);
        element.only({u"name"_s, u"generate"_s, u"handle"_s, u"attestation"_s});
        out.element.name = element.text("name"_L1);
        out.element.generate = command(element, "generate"_L1, {});
        out.element.handle = command(element, "handle"_L1, "output"_L1);
        out.element.attestationFile = element.text("attestation"_L1, QString());
        if (!out.element.generate.given() || out.element.handle.pattern.captureCount() < 1)
            keys.wrong(u"element"_s, u"needs \"generate\" and \"handle\" with a group in \"output\"."_s);
    }
    if (keys.has("inject"_L1)) {
        out.injectTaken = command(keys, "inject"_L1, "locked"_L1, {u"file"_s});
        out.injectFile = keys.child(u"inject"_s).text("file"_L1);
    }

    const QuirksNode locks = node.childOrEmpty(u"locks"_s);
    for (const QString &key : locks.keys()) {
        const QuirksNode entry = locks.child(key);
        entry.only({u"lock"_s, u"status"_s});
        BoardLock lock{command(entry, "lock"_L1, {}), command(entry, "status"_L1, "locked"_L1)};
        if (!lock.lock.given() || !lock.status.given() || lock.status.pattern.pattern().isEmpty())
            locks.wrong(key, u"needs \"lock\" and \"status\" with \"locked\"."_s);
        out.locks.insert(key, lock);
    }
    return out;
}

} // namespace

Quirks Quirks::parse(const QByteArray &json, const QString &file)
{
    const QuirksNode root = readQuirks(quirksForm, json, file, {u"boards"_s});
    Quirks out;
    const QuirksNode boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name));
    return out;
}

Quirks Quirks::load()
{
    Quirks out;
    if (const auto own = ownQuirks(quirksForm)) {
        out = parse(own->json, own->file);
    }
    const QuirksText shipped = shippedQuirks(quirksForm);
    addShipped(out.m_boards, parse(shipped.json, shipped.file).m_boards);
    return out;
}

QStringList Quirks::names() const
{
    return boardNames(m_boards);
}

const BoardQuirks &Quirks::find(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

} // namespace slipway
