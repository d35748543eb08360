#pragma once
// A DNS message (RFC 1035, 3596, 6762) as far as names and addresses go: the questions, and the answers that are A,
// AAAA or CNAME. Names are lower-case octets without the last dot; octets that are no letter, digit, hyphen, underscore
// or asterisk become "?", so that a name is safe to print. Compression pointers must point backwards and are followed
// at most 32 times; at most 64 questions and 512 records are read.

#include "core/codec/ipaddress.h"

#include <QByteArray>
#include <QList>

#include <vector>

namespace slipway {

struct DnsMessage {
    struct Question {
        QByteArray name;
        quint16 type = 0; // 1 A, 28 AAAA, 12 PTR ...
    };
    struct Answer { // of any section
        QByteArray name;
        quint16 type = 0;
        quint32 ttl = 0;   // seconds
        IpAddress address; // A, AAAA
        QByteArray target; // CNAME, PTR; SRV's host
    };
    quint16 id = 0;
    bool response = false, truncated = false;
    int code = 0; // 0 no error, 3 no such name
    std::vector<Question> questions;
    std::vector<Answer> answers;

    static constexpr quint16 A = 1, Cname = 5, Ptr = 12, Aaaa = 28, Srv = 33;

    // What could be read; nothing when it is no DNS message. One that is cut gives what stands before the cut.
    static std::optional<DnsMessage> parse(QByteArrayView bytes);
};

} // namespace slipway
