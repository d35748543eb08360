import QtQuick
import Slipway

// The top of a run's page, in the colour of its state: what is, in one sentence; what to do; and what can be done here.
Rectangle {
    id: banner

    required property LineViewModel line
    readonly property RunViewModel run: line.run
    readonly property SlotViewModel place: run.place
    readonly property int look: place ? place.look : SlotViewModel.Ready
    readonly property color ink: Theme.inkOn(look)
    readonly property bool stacked: width < Theme.narrow * Theme.textScale
    readonly property bool barIn: place !== null && place.barShown && look !== SlotViewModel.Ready

    function takeFocus(): bool {
        if (!entry.visible)
            return false;
        entry.forceActiveFocus();
        return true;
    }

    implicitHeight: Theme.wideSpace + Math.max(picture.visible ? picture.height : 0, stacked ? words.height + (actions.visible ? actions.height + Theme.space : 0) : Math.max(words.height, actions.visible ? actions.height : 0, glyph.height))
                    + (barIn ? bar.height + Theme.space : 0) + Theme.wideSpace
    color: look === SlotViewModel.Ready ? Theme.surface : Theme.fillOf(look)
    Accessible.role: Accessible.StaticText
    Accessible.name: place ? place.spoken : ""

    Hatching {
        anchors.fill: parent
        visible: banner.look === SlotViewModel.Unknown
        color: Theme.hatch
        stripe: Theme.hatchStripe
        radius: 0
    }

    Rectangle {
        width: Theme.space
        height: parent.height
        visible: !Theme.filled(banner.look) && banner.look !== SlotViewModel.Ready
        color: banner.look === SlotViewModel.Stopped || banner.look === SlotViewModel.Error ? Theme.cautionFill : Theme.ink
    }

    Glyph {
        id: glyph

        objectName: "bannerGlyph"
        x: Theme.wideSpace + Theme.gap
        y: Theme.wideSpace
        width: Theme.hero * 1.3
        height: width
        kind: banner.place ? banner.place.glyph : ""
        color: Theme.glyphOn(banner.look)
        plate: Theme.cautionFill
        plateEdge: Theme.caution
    }

    Column {
        id: words

        x: glyph.x + glyph.width + Theme.wideSpace
        y: banner.stacked ? Theme.wideSpace : Theme.wideSpace + Math.max(0, (glyph.height - height) / 2)
        width: (banner.stacked || !actions.visible ? banner.width - Theme.wideSpace : actions.x - Theme.wideSpace) - x - (picture.visible ? picture.width + Theme.space : 0)
        spacing: Theme.tiny

        Text {
            objectName: "bannerWord"
            width: parent.width
            text: banner.place ? banner.place.word : ""
            color: Theme.quietOn(banner.look)
            font: Theme.sans(Theme.small, Font.Bold)
        }

        Text {
            objectName: "headline"
            width: parent.width
            text: banner.run.headline
            color: banner.ink
            font: Theme.sans(Theme.title, Font.Bold)
            wrapMode: Text.Wrap
        }

        Text {
            objectName: "advice"
            width: parent.width
            visible: text !== ""
            text: banner.run.advice
            color: Theme.quietOn(banner.look)
            font: Theme.sans(Theme.lead, Font.Normal)
            wrapMode: Text.Wrap
        }

        FigureText {
            objectName: "bannerDetail"
            visible: text !== ""
            text: banner.place ? banner.place.progressLine : ""
            color: Theme.quietOn(banner.look)
            font: Theme.sans(Theme.body, Font.Normal)
        }
    }

    Image {
        id: picture

        objectName: "bannerPicture"
        x: words.x + words.width + Theme.space
        y: Theme.wideSpace
        width: height * 1.5
        height: Theme.hero * 2.6
        visible: banner.place !== null && banner.place.hasPicture
        source: banner.place ? banner.place.picture : ""
        fillMode: Image.PreserveAspectFit
        sourceSize.width: 800
        sourceSize.height: 600
        asynchronous: true
        Accessible.role: Accessible.Graphic
        Accessible.name: banner.run.headline
    }

    Row {
        id: actions

        x: banner.stacked ? words.x : banner.width - width - Theme.wideSpace
        y: banner.stacked ? words.y + words.height + Theme.space : Theme.wideSpace + Math.max(0, (glyph.height - height) / 2)
        spacing: Theme.space
        visible: width > 0

        EntryField {
            id: entry

            objectName: "bannerEntry"
            visible: banner.place !== null && banner.place.valueWanted
            takesScan: true
            label: banner.run.headline
            placeholderText: qsTr("Type, then Enter")
            onVisibleChanged: {
                clear();
                if (visible && banner.visible)
                    forceActiveFocus();
            }
            onAccepted: if (!banner.line.answerValue(banner.place.number, text)) selectAll()
        }

        Repeater {
            model: banner.place ? banner.place.pageActions : []

            ActionButton {
                required property var modelData

                objectName: "page-" + modelData.id
                visible: modelData.id !== "value"
                text: modelData.text
                keyName: modelData.key
                primary: modelData.primary
                ink: banner.ink
                paper: banner.color
                onClicked: banner.line.act(banner.place.number, modelData.id)
            }
        }
    }

    SegmentBar {
        id: bar

        objectName: "bannerBar"
        x: words.x
        y: banner.height - height - Theme.space
        width: banner.width - x - Theme.wideSpace
        height: thickness + Theme.caption * Theme.nameRoom
        visible: banner.barIn
        segments: banner.place ? banner.place.segments : []
        color: banner.ink
        track: Theme.filled(banner.look) ? Qt.alpha(banner.ink, 0.32) : Theme.track
        nameColor: Theme.quietOn(banner.look)
        thickness: Theme.space
        radius: Theme.tiny
        gap: Theme.ring
        named: true
        font: Theme.sans(Theme.caption, Font.Normal)
    }

    Rectangle {
        y: parent.height - height
        width: parent.width
        height: Theme.hair
        visible: !Theme.filled(banner.look)
        color: Theme.edge
    }
}
