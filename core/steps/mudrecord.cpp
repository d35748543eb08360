#include "core/steps/mudrecord.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/journal/queries.h"

#include <QCborArray>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

const QString kind = u"mud.accepted"_s;

MudAcceptance acceptanceFrom(const Entry &entry)
{
    const QCborMap &body = entry.body;
    MudAcceptance out;
    out.entry = entry.seq;
    out.at = entry.at;
    out.url = body.value("url"_L1).toString();
    out.canonical = body.value("canonical"_L1).toString();
    out.reason = body.value("reason"_L1).toString();
    out.fileSha256 = hex(body.value("file-sha256"_L1).toByteArray());
    out.person = body.value("operator"_L1).toString();
    out.source = mudUrlSourceFromString(body.value("source"_L1).toString()).value_or(MudUrlSource::Typed);
    if (const QString subject = body.value("signer"_L1).toString(); !subject.isEmpty()) {
        MudSigner signer{subject, {}};
        const QCborArray cas = body.value("signer-cas"_L1).toArray();
        for (const auto &value : cas) {
            const QCborMap ca = value.toMap();
            signer.cas << MudSigner::Ca{ca.value("subject"_L1).toString(), ca.value("key-identifier"_L1).toByteArray(),
                                        ca.value("key-sha256"_L1).toByteArray()};
        }
        out.signer = signer;
    }
    return out;
}

QCborMap bodyOf(const MudSubject &subject, const MudAcceptance &acceptance)
{
    QCborMap body{{u"mode"_s, toString(subject.mode)},
                  {u"product"_s, subject.product},
                  {u"url"_s, acceptance.url},
                  {u"canonical"_s, acceptance.canonical},
                  {u"source"_s, toString(acceptance.source)},
                  {u"reason"_s, acceptance.reason}};
    if (!acceptance.fileSha256.isEmpty())
        body.insert(u"file-sha256"_s, fromHex(acceptance.fileSha256).value_or(QByteArray()));
    if (!acceptance.person.isEmpty())
        body.insert(u"operator"_s, acceptance.person);
    if (acceptance.signer) {
        body.insert(u"signer"_s, acceptance.signer->subject);
        QCborArray cas;
        for (const MudSigner::Ca &ca : acceptance.signer->cas)
            cas.append(QCborMap{
                {u"subject"_s, ca.subject}, {u"key-identifier"_s, ca.keyIdentifier}, {u"key-sha256"_s, ca.keySha256}});
        body.insert(u"signer-cas"_s, cas);
    }
    return body;
}

} // namespace

std::vector<MudAcceptance> mudHistory(JournalReader &reader, const MudSubject &subject)
{
    std::vector<MudAcceptance> ofProduct, ofUnit;
    EntryFilter filter;
    filter.kind = kind;
    reader.forEachEntry(filter, [&](const Entry &entry) {
        if (entry.body.value("product"_L1).toString() != subject.product ||
            entry.body.value("mode"_L1).toString() != toString(subject.mode))
            return true;
        if (entry.device.isEmpty())
            ofProduct.push_back(acceptanceFrom(entry));
        else if (entry.device == subject.device)
            ofUnit.push_back(acceptanceFrom(entry));
        return true;
    });
    return ofUnit.empty() ? ofProduct : ofUnit;
}

MudStanding mudStandingFrom(const std::vector<MudAcceptance> &history)
{
    MudStanding out;
    for (const MudAcceptance &one : history)
        out = mudStandingAfter(out, one.url, one.canonical, one.signer, one.source);
    return out;
}

void recordMudAcceptance(Journal &journal, const MudSubject &subject, const MudAcceptance &acceptance)
{
    MudUrl::parse(acceptance.url);
    MudUrl::parse(acceptance.canonical);
    journal.appendDurably({kind, {}, subject.device, bodyOf(subject, acceptance)});
}

MudSigner mudSignerOf(const CmsSigner &signer)
{
    MudSigner out{signer.subject, {}};
    for (qsizetype i = 1; i < signer.chain.size(); ++i) {
        const CmsSigner::Link &link = signer.chain[i];
        const CertificateFacts facts = certificateFacts(link.certificate);
        out.cas << MudSigner::Ca{link.subject, link.keyIdentifier, facts.publicKeySha256};
    }
    // A signer that is its own anchor vouches for itself.
    if (out.cas.isEmpty() && !signer.chain.isEmpty())
        out.cas << MudSigner::Ca{signer.subject, signer.chain.first().keyIdentifier,
                                 certificateFacts(signer.certificate).publicKeySha256};
    return out;
}

void checkMudUrlFollows(Journal &journal, const MudSubject &subject, const QString &url)
{
    checkMudUrlFollows(journal.path(), subject, url);
}

void checkMudUrlFollows(const QString &journalPath, const MudSubject &subject, const QString &url)
{
    JournalReader reader(journalPath);
    const MudStanding standing = mudStandingFrom(mudHistory(reader, subject));
    if (standing.canonical.isEmpty())
        return;
    const MudJudgement judgement = judgeMudUrl(standing, url);
    if (!judgement.accepted())
        throw Fault("mud.not-acceptable", {url, subject.product, standing.canonical, judgement.sentence});
}

} // namespace slipway
