#pragma once
// slipway identity issuer | bootstrap | settle | renew-access: the issuer of the station, first contact with an EST
// server, orders whose end is not known, and the certificate with which the station shows itself. And the options with
// which a command takes another issuer than the one of station.yaml.

#include "app/cli/clicontext.h"

#include <memory>
#include <string>

namespace slipway {

struct IssuerWords {
    std::string issuer, certificate, secretFile, reference, key, keyCertificate, anchors, request;
};

// --issuer and what goes with it.
void addIssuerOptions(CLI::App *command, const std::shared_ptr<IssuerWords> &words);
// The station's settings, with what was given on the command line instead; paths there are relative to the current
// folder.
IssuerSettings issuerSettings(const Home &home, const IssuerWords &words);
// With the mode's CA where none was given.
std::unique_ptr<Issuer> openIssuer(const Home &home, const IssuerWords &words, Mode mode);

void addIssuerCommands(CLI::App *identity, CliContext &context);

} // namespace slipway
