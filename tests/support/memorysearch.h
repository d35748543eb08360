#pragma once
// Looks through this process's own memory for a secret, without holding the secret: what is looked for is masked, and
// unmasked byte by byte while comparing.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>

namespace slipway::test {

class MemorySearch
{
public:
    explicit MemorySearch(QByteArrayView secret);
    // Places at which 12 bytes of it, from any place in it, stand raw or (16 characters) in base64.
    qsizetype found() const;

private:
    QByteArray m_raw;          // masked
    QList<QByteArray> m_texts; // masked base64, at the three phases
};

} // namespace slipway::test
