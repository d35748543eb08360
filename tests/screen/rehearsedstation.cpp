#include "tests/screen/rehearsedstation.h"

namespace slipway::test {

using namespace Qt::StringLiterals;

namespace {

struct Planned {
    const char *kind, *name;
    double weight;
    bool irreversible;
};
constexpr Planned plan[] = {
    {"identify", "Identify", 0.6, false},   {"flash", "Flash", 6, false},      {"idevid", "Identity", 2.4, false},
    {"measure", "Radio level", 2.2, false}, {"measure", "Supply", 1.6, false}, {"label", "Label", 0.9, false},
    {"lock", "Lock debug port", 0.5, true},
};
constexpr int planned = int(std::size(plan));

double totalWeight()
{
    double total = 0;
    for (const Planned &p : plan)
        total += p.weight;
    return total;
}

Measurement level(double value, double low, double high, const QString &unit, const QString &name)
{
    Measurement m;
    m.name = name;
    m.value = value;
    m.unit = unit;
    m.low = low;
    m.high = high;
    m.marginalLow = low + (high - low) * 0.1;
    m.marginalHigh = high - (high - low) * 0.1;
    m.verdict = value >= low && value <= high ? Verdict::Pass : Verdict::Fail;
    m.marginal = m.verdict == Verdict::Pass && (value < *m.marginalLow || value > *m.marginalHigh);
    return m;
}

// A run that has come to step (0-based), which is done to fraction; steps before it have passed.
SlotView runView(int number, const QString &serial, int step, double fraction)
{
    SlotView v;
    v.number = number;
    v.name = QString::number(number);
    v.port = u"/dev/serial/by-path/usb-0:2.%1"_s.arg(number);
    v.serial = serial;
    v.runId = u"%1c0ffee5-77aa-4d2e-9a10-0f5e8a2b9%2"_s.arg(number % 10).arg(number, 3, 10, QChar(u'0'));
    v.begunAt = QDateTime(QDate(2026, 11, 21), QTime(14, 29, 2));
    v.currentStep = step;
    v.attempt = 1;
    v.maxAttempts = 2;
    v.firstEntry = 88102;
    v.facts.board = u"t1-rev-b"_s;
    v.facts.hardwareId = u"02-00-5e-10-00-00-41-18"_s;
    v.facts.port = u"usb 1-2.%1"_s.arg(number);
    v.facts.line = u"921 600 baud"_s;
    v.facts.firmwareVersion = u"1.4.2+7"_s;
    v.facts.bootLoader = u"MCUboot 2.1"_s;
    const QStringList results{u"t1-rev-b, boot loader MCUboot 2.1, firmware 1.4.1"_s,
                              u"1.4.2+7, 256 KiB at 64.1 kB/s, 96 % of the line; hash read back"_s,
                              u"key made on the device, certificate 41:8C…F0, possession proved"_s,
                              {},
                              {},
                              u"T1-label, scanned back"_s,
                              u"debug port locked for ever"_s};
    const double seconds[] = {0.3, 4.2, 1.6, 0.8, 0.2, 3.1, 0.1};
    for (int i = 0; i < planned; ++i) {
        StepView s;
        s.kind = QString::fromLatin1(plan[i].kind);
        s.name = s.title = QString::fromLatin1(plan[i].name);
        s.irreversible = plan[i].irreversible;
        s.begun = i <= step;
        if (i < step) {
            s.verdict = Verdict::Pass;
            s.summary = results[i];
            s.seconds = seconds[i];
            if (i == 3)
                s.measurements << level(-41.2, -50, -35, u"dBm"_s, u"radio"_s);
            if (i == 4)
                s.measurements << level(3.31, 3.2, 3.4, u"V"_s, u"supply"_s);
        }
        v.steps << s;
        const double part = i < step ? 1 : i == step ? fraction : 0;
        v.progress.segments << Progress::Segment{s.name, plan[i].weight / totalWeight(), part};
        v.progress.fraction += plan[i].weight / totalWeight() * part;
    }
    if (step > 2) {
        v.certificate = u"41:8C:07:5D:A2:3E:91:F0"_s;
        v.issuer = u"Acme Device CA 3 (file)"_s;
        v.notAfter = u"99991231235959Z"_s;
        v.mudUrl = u"https://mud.example/t1/1.4.json"_s;
    }
    v.lastEntry = v.firstEntry + 4 + step * 4;
    return v;
}

void finish(SlotView &v, Verdict verdict, int seconds)
{
    v.state = SlotState::Finished;
    v.verdict = verdict;
    v.word = toString(verdict);
    v.endedAt = v.begunAt.addSecs(seconds);
    v.lastEntry = v.firstEntry + 29;
}

} // namespace

Recipe sampleRecipe()
{
    Recipe recipe;
    recipe.name = u"Thermostat T1, final assembly"_s;
    recipe.version = u"12"_s;
    recipe.isSigned = true;
    recipe.driver = u"smp"_s;
    recipe.deviceClass = DeviceClass::parse({u"M"_s, u"C3"_s, u"F1"_s, u"T1"_s, u"P1"_s});
    for (const Planned &p : plan) {
        RecipeStep step;
        step.kind = QString::fromLatin1(p.kind);
        step.name = QString::fromLatin1(p.name);
        recipe.steps << step;
    }
    return recipe;
}

SlotView readyView(int number)
{
    SlotView v;
    v.number = number;
    v.name = QString::number(number);
    v.word = u"READY"_s;
    v.sentence = u"Scan a unit for this place."_s;
    return v;
}

SlotView workingView(int number, const QString &serial, int step, double fraction)
{
    SlotView v = runView(number, serial, step, fraction);
    v.state = SlotState::Working;
    v.word = v.steps[step].name.toUpper();
    v.progress.phase = v.steps[step].name;
    if (step == 1) {
        v.progress.total = 256 * 1024;
        v.progress.done = qint64(fraction * 256 * 1024);
        v.progress.rate = 64100;
        v.progress.lineLimit = 66770;
    } else {
        v.sentence = step == 2 ? u"The device is making its key."_s : u"The device is being asked."_s;
    }
    return v;
}

SlotView passView(int number, const QString &serial)
{
    SlotView v = runView(number, serial, planned, 0);
    v.currentStep = planned - 1;
    v.irreversibleDone = true;
    finish(v, Verdict::Pass, 38);
    v.sentence = u"Remove the unit."_s;
    return v;
}

SlotView failView(int number, const QString &serial)
{
    SlotView v = runView(number, serial, 4, 1);
    v.steps[4].verdict = Verdict::Fail;
    v.steps[4].seconds = 0.2;
    v.steps[4].measurements << level(3.47, 3.2, 3.4, u"V"_s, u"supply"_s);
    finish(v, Verdict::Fail, 7);
    v.faultCode = u"measure.limits"_s;
    v.sentence = u"Supply is 3.47\u00a0V; 3.20 to 3.40\u00a0V is allowed."_s;
    v.remedy = u"Red bin."_s;
    v.retryable = true;
    return v;
}

SlotView stoppedView(int number, const QString &serial)
{
    SlotView v = runView(number, serial, 3, 0.4);
    v.steps[3].verdict = Verdict::Stopped;
    finish(v, Verdict::Stopped, 12);
    v.sentence = u"Stopped in Radio level. Nothing irreversible was done."_s;
    v.retryable = true;
    return v;
}

SlotView errorView(int number, const QString &serial)
{
    SlotView v = runView(number, serial, 2, 0.2);
    v.steps[2].verdict = Verdict::Error;
    v.steps[2].summary = u"The issuer does not answer."_s;
    finish(v, Verdict::Error, 9);
    v.sentence = u"The issuer does not answer."_s;
    v.remedy = u"Check its token, then try again. The unit is not to blame."_s;
    v.retryable = true;
    v.maxAttempts = 0;
    return v;
}

SlotView unknownView(int number, const QString &serial)
{
    SlotView v = runView(number, serial, 6, 0.5);
    v.steps[6].verdict = Verdict::Unknown;
    v.steps[6].summary = u"power was lost while the lock was written"_s;
    finish(v, Verdict::Unknown, 14);
    v.sentence = u"Debug lock may be set: power was lost."_s;
    return v;
}

SlotView waitingView(int number, const QString &serial)
{
    SlotView v = runView(number, serial, 0, 0);
    v.state = SlotState::Waiting;
    v.word = u"WAITING"_s;
    v.sentence = u"Waits for the device to restart."_s;
    return v;
}

SlotView promptView(int number, const QString &serial, const PromptRequest &prompt)
{
    SlotView v = runView(number, serial, 5, 0.3);
    v.state = SlotState::Act;
    v.prompt = prompt;
    v.word = prompt.word;
    v.sentence = prompt.sentence;
    return v;
}

SlotView labelView(int number, const QString &serial)
{
    PromptRequest prompt;
    prompt.kind = PromptRequest::Kind::ScanBack;
    prompt.word = u"LABEL"_s;
    prompt.sentence = u"Stick the label on, then scan it."_s;
    return promptView(number, serial, prompt);
}

std::unique_ptr<RehearsedStation> mixedLine(int places, Mode mode)
{
    auto line = std::make_unique<RehearsedStation>(places, mode);
    const auto serial = [](int number) { return u"T1-0000%1"_s.arg(4110 + number * 3); };
    for (int n = 1; n <= places; ++n) {
        SlotView &v = line->views[size_t(n) - 1];
        if (places <= 8) {
            switch (n) {
            case 1:
                v = passView(n, serial(n));
                break;
            case 2:
                v = workingView(n, serial(n), 1, 0.555);
                break;
            case 3:
                v = labelView(n, serial(n));
                break;
            case 4:
                v = places == 4 ? failView(n, serial(n)) : workingView(n, serial(n), 2, 0.4);
                break;
            case 5:
                v = failView(n, serial(n));
                break;
            case 7:
                v = unknownView(n, serial(n));
                break;
            case 8:
                v = stoppedView(n, serial(n));
                break;
            default:
                break;
            }
            continue;
        }
        switch (n) {
        case 1:
        case 5:
        case 8:
        case 13:
        case 14:
        case 20:
        case 23:
            v = passView(n, serial(n));
            break;
        case 6:
            v = labelView(n, serial(n));
            break;
        case 9:
            v = failView(n, serial(n));
            break;
        case 11:
        case 24:
            break;
        case 12:
            v = waitingView(n, serial(n));
            break;
        case 17:
            v = errorView(n, serial(n));
            break;
        case 18:
            v = unknownView(n, serial(n));
            break;
        case 21:
            v = stoppedView(n, serial(n));
            break;
        case 4:
        case 16:
            v = workingView(n, serial(n), 2, 0.4);
            break;
        default:
            v = workingView(n, serial(n), 1, 0.2 + 0.03 * n);
            break;
        }
    }
    line->shownScan = {u"T1-00004127"_s, u"waiting for place 6"_s, 6, true};
    return line;
}

RehearsedStation::RehearsedStation(int places, Mode mode) : m_mode(mode)
{
    for (int n = 1; n <= places; ++n)
        views.push_back(readyView(n));
    shownRecipe = std::make_unique<Recipe>(sampleRecipe());
    shownCounters.done = 412;
    shownCounters.failed = 6;
    shownCounters.lastHour = 58;
    shownCounters.firstPassYield = 0.985;
    shownLamps = {{u"Journal"_s, Lamp::State::Good, u"durable"_s},
                  {u"Issuer"_s, Lamp::State::Good, u"ready"_s},
                  {u"Printer"_s, Lamp::State::Caution, u"labels low"_s},
                  {u"Disk"_s, Lamp::State::Good, u"212 GB free"_s},
                  {u"Plant"_s, Lamp::State::Off, u"offline, 14 kept"_s}};
}

void RehearsedStation::touch(int place)
{
    for (const auto &callback : m_changed)
        callback(place);
}

void RehearsedStation::ask(const QString &what)
{
    asked << what;
    if (nextFault) {
        const Fault fault = *nextFault;
        nextFault.reset();
        throw fault;
    }
}

void RehearsedStation::loadRecipe(const Recipe &recipe)
{
    ask(u"recipe %1"_s.arg(recipe.name));
    shownRecipe = std::make_unique<Recipe>(recipe);
}

QStringList RehearsedStation::logLines(int slot) const
{
    const auto it = logs.find(slot);
    return it == logs.end() ? QStringList() : it->second;
}

ScanMeaning RehearsedStation::scan(const QString &text)
{
    ask(u"scan %1"_s.arg(text));
    shownScan = meaning ? meaning(text) : ScanMeaning{text, u"a unit"_s, 0, true};
    return shownScan;
}

void RehearsedStation::start(int slot, const QString &serial)
{
    ask(u"start %1 %2"_s.arg(slot).arg(serial));
}

void RehearsedStation::answer(int slot, const PromptAnswer &answer)
{
    ask(u"answer %1 %2%3"_s.arg(slot).arg(answer.yes ? u"yes"_s : u"no"_s,
                                          answer.value.isEmpty() ? QString() : u' ' + answer.value));
}

QList<Lamp> RehearsedStation::lamps() const
{
    QList<Lamp> lamps = shownLamps;
    if (issuerTrouble())
        lamps[1] = {u"Issuer"_s, Lamp::State::Bad, u"shut"_s};
    return lamps;
}

std::optional<Fault> RehearsedStation::issuerTrouble() const
{
    const std::lock_guard lock(m_mutex);
    return m_issuerTrouble;
}

std::optional<Fault> RehearsedStation::openIssuer()
{
    const QString what = u"the PIN of token factory"_s;
    const QByteArray given = askSecret(what);
    std::optional<Fault> trouble;
    if (given.isEmpty())
        trouble = Fault("issuer.secret-missing", {what});
    else if (++m_pinsTried; given != rightPin)
        trouble = Fault("issuer.token-pin", {u"factory"_s, u" One try is left."_s});
    {
        const std::lock_guard lock(m_mutex);
        m_issuerTrouble = trouble;
    }
    touch(0);
    return trouble;
}

Journal &RehearsedStation::journal()
{
    if (!m_journal) {
        m_journal = Journal::open(m_folder.filePath(u"journal.db"_s), nullptr);
        for (const NewEntry &entry : lives)
            m_journal->appendDurably(entry);
    }
    return *m_journal;
}

Reconciled RehearsedStation::reconcile(const Interrupted &, int slot)
{
    ask(u"reconcile %1"_s.arg(slot));
    return {u"done"_s, u"The debug port is locked: the act was done."_s,
            u"The unit can be run again from the start."_s};
}

RehearsedSource::RehearsedSource(std::unique_ptr<RehearsedStation> s) : station(s.get()), m_station(std::move(s)) {}

void RehearsedSource::make(const QString &name)
{
    made << name;
    homeThere = true;
}

std::unique_ptr<Station> RehearsedSource::open(const QByteArray &)
{
    if (openFault)
        throw Fault(*openFault);
    if (!m_station->rightPin.isEmpty())
        m_station->openIssuer();
    return std::move(m_station);
}

Recipe RehearsedSource::load(const QString &id)
{
    for (const RecipeChoice &choice : choices) {
        if (choice.id == id) {
            Recipe recipe = sampleRecipe();
            recipe.name = choice.name;
            return recipe;
        }
    }
    throw Fault("home.no-recipe", {id, QString()});
}

} // namespace slipway::test
