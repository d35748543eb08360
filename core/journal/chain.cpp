#include "core/journal/chain.h"

#include "core/base/fault.h"

#include <array>
#include <charconv>
#include <cstring>

namespace slipway {

namespace {

// Two digits for each byte, so that bodies of kilobytes cost little.
constexpr auto hexOfByte = [] {
    constexpr char digits[] = "0123456789abcdef";
    std::array<std::array<char, 2>, 256> pairs{};
    for (size_t i = 0; i < pairs.size(); ++i)
        pairs[i] = {digits[i >> 4], digits[i & 15]};
    return pairs;
}();

void appendHex(QByteArray &out, QByteArrayView bytes)
{
    const qsizetype at = out.size();
    out.resize(at + 2 * bytes.size());
    char *to = out.data() + at;
    for (const char c : bytes) {
        std::memcpy(to, hexOfByte[static_cast<unsigned char>(c)].data(), 2);
        to += 2;
    }
}

void appendNumber(QByteArray &out, qint64 number)
{
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    out.append(text, end - text);
}

void appendLine(QByteArray &out, QByteArrayView text)
{
    out.append(text);
    out.append('\n');
}

} // namespace

QByteArray chainStart()
{
    return QByteArray(hashBytes, '\0');
}

EntryHasher::EntryHasher() : m_md(EVP_MD_fetch(nullptr, "SHA256", nullptr)), m_context(EVP_MD_CTX_new())
{
    if (!m_md || !m_context)
        throw Fault("internal.defect", {}, QStringLiteral("OpenSSL has no SHA-256"));
}

QByteArray EntryHasher::operator()(qint64 seq, QByteArrayView at, QByteArrayView kind, QByteArrayView run,
                                   QByteArrayView device, QByteArrayView body, QByteArrayView prev)
{
    m_text.resize(0); // keeps the memory
    appendLine(m_text, entryTag);
    appendNumber(m_text, seq);
    m_text.append('\n');
    appendLine(m_text, at);
    appendLine(m_text, kind);
    appendLine(m_text, run);
    appendLine(m_text, device);
    appendHex(m_text, body);
    m_text.append('\n');
    appendHex(m_text, prev);
    m_text.append('\n');

    QByteArray hash(hashBytes, Qt::Uninitialized);
    if (EVP_DigestInit_ex(m_context.get(), m_md.get(), nullptr) != 1 ||
        EVP_DigestUpdate(m_context.get(), m_text.constData(), size_t(m_text.size())) != 1 ||
        EVP_DigestFinal_ex(m_context.get(), reinterpret_cast<unsigned char *>(hash.data()), nullptr) != 1)
        throw Fault("internal.defect", {}, QStringLiteral("SHA-256 failed"));
    return hash;
}

QByteArray headMessage(qint64 seq, QByteArrayView hash)
{
    QByteArray text;
    text.reserve(128);
    appendLine(text, headTag);
    appendNumber(text, seq);
    text.append('\n');
    appendHex(text, hash);
    text.append('\n');
    return text;
}

QByteArray checkpointMessage(qint64 seq, QByteArrayView at, QByteArrayView hash)
{
    QByteArray text;
    text.reserve(160);
    appendLine(text, checkpointTag);
    appendNumber(text, seq);
    text.append('\n');
    appendLine(text, at);
    appendHex(text, hash);
    text.append('\n');
    return text;
}

} // namespace slipway
