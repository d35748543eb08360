#pragma once
// Tokens of draft-ietf-iotops-7228bis that say what a product is able to do: group (M, J), class (C0...), software
// update (F0...), isolation (Is), shielding (Sh), energy (E), power (P), time (T, TP), link MTU (S), Internet (I), bit
// rate (B). Exactly the tokens of sections 3 to 7 are accepted: C5, S5, F4, Is3 do not exist.

#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

class DeviceClass
{
public:
    // Throws device.class ("%1 is no class of RFC 7228bis.") or device.class-twice for two tokens of one kind where
    // only one makes sense (Is may repeat).
    static DeviceClass parse(const QStringList &tokens);
    static QStringList allTokens();

    bool isEmpty() const { return m_tokens.isEmpty(); }
    QStringList tokens() const { return m_tokens; }
    // The token of that kind ("F", "T", "C" ...), "" when not stated.
    QString token(const QString &kind) const;
    // The sentence for why the class rules it out, or nothing.
    std::optional<QString> rulesOutFieldUpdate() const; // F0
    bool needsTimeSet() const;                          // T < T7, or TP0/TP1

private:
    QStringList m_tokens;
};

} // namespace slipway
