import QtQuick
import Slipway

// One place of the line: the same tile for 1, 4, 8 and 24 places. Number and serial at the top, glyph and word large,
// the sentence, the bar at the bottom. All words in a row of tiles stand at the same height.
Item {
    id: tile

    required property SlotViewModel place
    required property LineViewModel line
    required property bool dense

    readonly property int look: place.look
    readonly property color ink: Theme.inkOn(look)
    readonly property color quiet: Theme.quietOn(look)
    readonly property bool selected: line.selected === place.number
    readonly property bool wide: width > height * Theme.wideFrom
    readonly property bool roomy: !dense && wide && width > Theme.narrow / 2

    readonly property real pad: Theme.within(Theme.tilePadLeast, Math.min(width, height) * Theme.tilePad, Theme.tilePadMost)
    readonly property real edgeWidth: Theme.within(Theme.tileEdgeLeast, width * Theme.tileEdge, Theme.tileEdgeMost)
    readonly property bool alone: line.places.count === 1
    readonly property real numberSize: Theme.within(Theme.numberLeast * Math.min(Theme.textScale, 1.2), Math.min(height * Theme.numberShare, width * Theme.numberShare * 1.2), Theme.numberMost)
    // What there is for words at most; large text gives way where two lines would not fit.
    readonly property real mostText: textBottom - headerBottom - wordLine - (wide ? 0 : glyphLeast + Theme.gap * 2)
    readonly property real sentenceSize: Math.min(wordSize * 0.85, Math.max(Theme.sentenceLeast, mostText / 2 / Theme.lineHeight - Theme.hair), Theme.textScale * Theme.within(Theme.sentenceLeast, Math.min(height * (wide ? Theme.sentenceShareWide : Theme.sentenceShare), width * Theme.sentenceShare * 1.08), Theme.sentenceMost))
    readonly property real quietSize: sentenceSize * 0.9
    readonly property real sentenceLine: Math.ceil(sentenceSize * Theme.lineHeight)
    readonly property real quietLine: Math.ceil(quietSize * Theme.lineHeight)
    readonly property real wordSize: wide ? Theme.within(Theme.wordLeast * Math.min(Theme.textScale, 1.6), height * Theme.wordShareWide, Theme.wordMost)
                                          : Theme.within(Theme.wordLeast * Math.min(Theme.textScale, 1.6), Math.min(height * Theme.wordShare, width * Theme.wordShare * 1.24), Theme.wordMost)
    readonly property real barHeight: Theme.within(Theme.barLeast, height * Theme.barShare, Theme.barMost)
    readonly property real barBlock: barHeight + Theme.gap + (roomy ? Theme.small * Theme.nameRoom : 0)

    // Where things stand
    readonly property real leftEdge: pad + edgeWidth
    readonly property real headerBottom: pad + numberSize
    readonly property real floor: height - pad
    readonly property real controlsTop: floor - (place.barShown ? barBlock : 0) - (controls.visible ? controls.height + Theme.tiny : 0)
    readonly property real textBottom: controls.visible ? controlsTop - Theme.gap : floor - barBlock - Theme.tiny
    readonly property real glyphLeast: height * Theme.glyphLeastShare
    readonly property real wordLine: wordSize * 1.24
    readonly property real textRoom: {
        if (dense)
            return 0;
        const wanted = sentenceLine * 2 + quietLine * (controls.visible ? 1 : 1.6);
        return Math.max(0, Math.min(wanted, mostText));
    }
    // A finished tile has no bar: its words may go down to the edge.
    readonly property real textFree: textRoom + (!dense && place.finished ? barBlock : 0)
    readonly property real glyphSize: {
        const zone = wide ? textBottom - headerBottom - Theme.space * 2 : textBottom - textRoom - wordLine - headerBottom - Theme.gap * 2;
        return Math.max(glyphLeast, Math.min(zone, height * (wide ? Theme.glyphShareWide : dense ? Theme.glyphShareDense : Theme.glyphShare), width * (dense ? 0.52 : 0.42)));
    }
    readonly property real textLeft: wide ? leftEdge + glyphSize + pad * 1.3 : leftEdge
    readonly property real textWidth: width - textLeft - pad
    // Beside the glyph, or under it
    readonly property real groupTop: headerBottom + Math.max(Theme.gap, (textBottom - headerBottom - Math.max(glyphSize, wordLine + textRoom)) / 2)
    readonly property real wordTop: !wide ? textBottom - textRoom - wordLine
                                  : groupTop + Math.max(0, (glyphSize - wordLine - (alone ? texts.height : textRoom)) / 2)

    // How much of its box each glyph takes: a running unit is calmer than a verdict.
    readonly property real glyphPart: look === SlotViewModel.Working || look === SlotViewModel.Waiting ? (wide ? 0.7 : 0.52) : look === SlotViewModel.Ready && !alone ? 0.66 : 1

    signal pressed

    activeFocusOnTab: true
    Accessible.role: Accessible.Button
    Accessible.name: place.spoken
    Accessible.focusable: true
    Accessible.focused: activeFocus
    Accessible.onPressAction: tile.pressed()

    onSelectedChanged: if (selected) forceActiveFocus()
    onActiveFocusChanged: if (activeFocus && !selected) line.select(place.number)

    Connections {
        target: tile.line

        function onValueEntryWanted(number: int): void {
            if (number === tile.place.number && entry.visible)
                entry.forceActiveFocus();
        }
    }

    // Under everything, so that what is pressed in the tile is not also a press on the tile
    MouseArea {
        anchors.fill: parent
        onClicked: tile.pressed()
    }

    // Paper
    Rectangle {
        id: plate

        anchors.fill: parent
        radius: Theme.radius
        color: Theme.fillOf(tile.look)
        border.color: tile.place.asksToStop ? Theme.caution : tile.look === SlotViewModel.Unknown ? Theme.ink : Theme.edge
        border.width: tile.place.asksToStop ? Theme.ring : tile.look === SlotViewModel.Unknown ? Theme.rule
                    : Theme.filled(tile.look) || tile.look === SlotViewModel.Ready ? 0 : Theme.hair
    }

    Hatching {
        anchors.fill: parent
        anchors.margins: Theme.rule
        visible: tile.look === SlotViewModel.Unknown
        color: Theme.hatch
        stripe: Theme.hatchStripe
        radius: Theme.radius - Theme.rule
    }

    Hatching {
        anchors.fill: parent
        visible: tile.look === SlotViewModel.Ready
        color: Theme.inkQuiet
        dash: Theme.dash
        line: Theme.rule
        radius: Theme.radius
    }

    Rectangle {
        anchors.fill: parent
        anchors.margins: Theme.failInset
        visible: tile.look === SlotViewModel.Fail
        color: Theme.clear
        radius: Theme.smallRadius
        border.width: Theme.rule
        border.color: Theme.failInk
    }

    // The edge: black at work, amber when stopped or the station's fault, hatched amber where nothing can be undone
    Item {
        width: tile.edgeWidth
        height: parent.height
        visible: !Theme.filled(tile.look) && tile.look !== SlotViewModel.Ready
        clip: true

        Rectangle {
            width: Math.max(parent.width * 2, Theme.radius * 2)
            height: parent.height
            radius: Theme.radius
            color: tile.look === SlotViewModel.Stopped || tile.look === SlotViewModel.Error || tile.place.irreversibleNow ? Theme.cautionFill
                 : tile.look === SlotViewModel.Waiting ? Theme.inkQuiet : Theme.ink
        }

        Hatching {
            anchors.fill: parent
            visible: tile.place.irreversibleNow
            color: Theme.cautionInk
            stripe: tile.edgeWidth * 0.7
            radius: 0
        }

        Rectangle {
            anchors.right: parent.right
            width: Theme.hair
            height: parent.height
            visible: tile.look === SlotViewModel.Stopped || tile.look === SlotViewModel.Error || tile.place.irreversibleNow
            color: Theme.caution
        }
    }

    // Header
    Text {
        id: number

        objectName: "number"
        x: tile.leftEdge
        y: tile.pad - tile.numberSize * 0.14
        text: tile.place.number
        color: tile.ink
        font: Theme.sans(tile.numberSize, Font.Bold)
        Accessible.ignored: true
    }

    Text {
        id: serial

        objectName: "serial"
        x: number.x + number.width + Theme.gap
        width: tile.width - tile.pad - x
        height: number.height
        // On the number's baseline
        y: number.y + number.baselineOffset - baselineOffset
        text: tile.place.serial
        color: tile.quiet
        font: Theme.mono(Math.min(tile.quietSize * (tile.dense ? 0.95 : 1), tile.numberSize))
        fontSizeMode: Text.HorizontalFit
        minimumPixelSize: 10
        elide: Text.ElideLeft
        horizontalAlignment: Text.AlignRight
        Accessible.ignored: true
    }

    // State
    Glyph {
        objectName: "glyph"
        x: tile.leftEdge + (tile.wide ? (tile.glyphSize - width) / 2 : 0)
        y: tile.wide ? tile.groupTop + (tile.glyphSize - height) / 2
                     : tile.wordTop - Theme.gap - height
        width: tile.glyphSize * tile.glyphPart
        height: width
        kind: tile.place.glyph
        color: Theme.glyphOn(tile.look)
        plate: Theme.cautionFill
        plateEdge: Theme.caution
    }

    FigureText {
        id: percent

        objectName: "percent"
        anchors.right: parent.right
        anchors.rightMargin: tile.pad
        y: tile.wide ? tile.wordTop : tile.wordTop - Theme.gap - height * 0.9
        visible: (tile.look === SlotViewModel.Working || tile.look === SlotViewModel.Waiting) && text !== "" && (tile.wide || y > tile.headerBottom)
        text: tile.place.percent
        color: tile.quiet
        font: Theme.sans(tile.wide ? tile.wordSize : Math.min(tile.wordSize * 0.86, tile.width * 0.13), Font.Medium)
        Accessible.ignored: true
    }

    Image {
        id: picture

        objectName: "picture"
        readonly property real from: tile.leftEdge + tile.glyphSize + Theme.space
        x: tile.wide ? tile.width - tile.pad - width : from
        y: tile.wide ? tile.headerBottom : tile.headerBottom + Theme.gap
        width: tile.wide ? tile.width * 0.3 : tile.width - tile.pad - from
        height: tile.wide ? tile.controlsTop - y - Theme.gap : tile.wordTop - y - Theme.gap
        visible: !tile.dense && tile.place.hasPicture
        source: tile.place.picture
        fillMode: Image.PreserveAspectFit
        horizontalAlignment: Image.AlignRight
        sourceSize.width: 800
        sourceSize.height: 600
        asynchronous: true
        Accessible.role: Accessible.Graphic
        Accessible.name: tile.place.sentence
    }

    Text {
        id: word

        objectName: "word"
        x: tile.textLeft - font.pixelSize * 0.05
        y: tile.wordTop
        // A long word gives way to the figure beside it.
        width: tile.textWidth - (tile.wide && percent.visible ? percent.width + Theme.space : 0)
        height: tile.wordLine
        text: tile.place.word
        color: tile.look === SlotViewModel.Ready ? Theme.inkQuiet : tile.ink
        font: Theme.sans(tile.wordSize, Font.ExtraBold)
        fontSizeMode: Text.HorizontalFit
        minimumPixelSize: Theme.sentenceLeast
        verticalAlignment: Text.AlignVCenter
        elide: Text.ElideRight
        Accessible.ignored: true
    }

    // Sentence, what to do, how far
    Column {
        id: texts

        readonly property real room: tile.textFree

        x: tile.textLeft
        y: tile.wordTop + tile.wordLine
        width: tile.textWidth - (picture.visible && tile.wide ? picture.width + Theme.space : 0)
        visible: !tile.dense

        Text {
            id: sentence

            objectName: "sentence"
            width: parent.width
            visible: text !== "" && maximumLineCount > 0
            text: tile.place.sentence !== "" ? tile.place.sentence : tile.place.detail
            color: tile.ink
            font: Theme.sans(tile.sentenceSize, Font.Medium)
            wrapMode: Text.Wrap
            maximumLineCount: Math.floor(texts.room / tile.sentenceLine)
            elide: Text.ElideRight
            lineHeight: tile.sentenceLine
            lineHeightMode: Text.FixedHeight
            Accessible.ignored: true
        }

        Text {
            id: quietText

            objectName: "quiet"
            readonly property real room: texts.room - sentence.height
            topPadding: Theme.rule
            width: parent.width
            visible: text !== "" && room >= tile.quietLine
            text: tile.place.quiet
            color: tile.quiet
            font: Theme.sans(tile.quietSize, Font.Normal)
            wrapMode: Text.Wrap
            maximumLineCount: Math.max(1, Math.floor(room / tile.quietLine))
            elide: Text.ElideRight
            lineHeight: tile.quietLine
            lineHeightMode: Text.FixedHeight
            Accessible.ignored: true
        }

        FigureText {
            id: detail

            objectName: "detail"
            visible: text !== "" && implicitWidth <= texts.width && tile.place.sentence !== "" && texts.room - sentence.height - (quietText.visible ? quietText.height : 0) >= tile.quietLine
            text: tile.place.detail
            color: tile.quiet
            font: Theme.sans(tile.quietSize, Font.Normal)
        }

        FigureText {
            objectName: "rate"
            visible: text !== "" && implicitWidth <= texts.width && texts.room - sentence.height - (quietText.visible ? quietText.height : 0) - (detail.visible ? detail.height : 0) >= tile.quietLine
            text: tile.place.fineDetail
            color: tile.quiet
            font: Theme.sans(tile.quietSize, Font.Normal)
        }
    }

    // What can be pressed
    Row {
        id: controls

        objectName: "controls"
        x: tile.leftEdge
        y: tile.controlsTop
        width: tile.width - tile.leftEdge - tile.pad
        height: Math.max(Theme.target, Theme.body * 2)
        spacing: Theme.gap
        visible: tile.place.tileActions.length > 0

        Repeater {
            model: entry.visible ? [] : tile.place.tileActions

            ActionButton {
                required property var modelData

                objectName: "tile-" + modelData.id
                width: Math.min(tile.wide ? implicitWidth * 1.5 : controls.width, (controls.width - Theme.gap * (tile.place.tileActions.length - 1)) / tile.place.tileActions.length)
                height: controls.height
                text: modelData.text
                keyName: modelData.key
                primary: modelData.primary
                ink: tile.ink
                paper: plate.color
                onClicked: tile.line.act(tile.place.number, modelData.id)
            }
        }

        EntryField {
            id: entry

            objectName: "tile-entry"
            width: controls.width
            height: controls.height
            visible: tile.place.valueWanted && !tile.dense
            takesScan: true
            label: tile.place.sentence
            placeholderText: qsTr("Type, then Enter")
            onVisibleChanged: clear()
            onAccepted: {
                if (tile.line.answerValue(tile.place.number, text))
                    tile.forceActiveFocus();
                else
                    selectAll();
            }
            Keys.onEscapePressed: tile.forceActiveFocus()
        }
    }

    SegmentBar {
        objectName: "bar"
        x: tile.leftEdge
        y: tile.floor - tile.barBlock + Theme.gap
        width: tile.width - tile.leftEdge - tile.pad
        height: tile.barBlock - Theme.gap
        visible: tile.place.barShown && (tile.look !== SlotViewModel.Ready || tile.roomy)
        segments: tile.place.segments
        color: tile.ink
        track: Theme.filled(tile.look) ? Qt.alpha(tile.ink, 0.32) : Theme.track
        nameColor: tile.quiet
        thickness: tile.barHeight
        radius: Math.min(Theme.tiny, tile.barHeight / 4)
        gap: tile.dense ? Theme.rule : Theme.ring
        named: tile.roomy
        font: Theme.sans(Theme.small, Font.Normal)
    }

    FocusRing {
        objectName: "ring"
        shown: tile.selected && !tile.alone
    }
}
