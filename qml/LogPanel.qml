import QtQuick
import Slipway

// The log of the chosen step, or of the whole run; it follows the end while a run goes on.
FocusScope {
    id: panel

    required property RunViewModel run

    Text {
        id: title

        objectName: "logTitle"
        x: Theme.wideSpace
        y: (copyButton.height - height) / 2
        text: panel.run.logTitle
        color: Theme.ink
        font: Theme.sans(Theme.small, Font.Bold)
    }

    Row {
        anchors.right: parent.right
        anchors.rightMargin: Theme.wideSpace
        spacing: Theme.space

        ActionButton {
            objectName: "wholeLog"
            quiet: true
            text: panel.run.selectedStep < 0 ? qsTr("Only the step") : qsTr("Whole log")
            keyName: qsTr("L")
            onClicked: panel.run.toggleWholeLog()
        }

        ActionButton {
            id: copyButton

            objectName: "copyLog"
            quiet: true
            text: qsTr("Copy")
            keyName: qsTr("C")
            enabled: panel.run.log.count > 0
            onClicked: panel.run.copyLog()
        }
    }

    ListView {
        id: lines

        objectName: "logLines"
        property bool atTail: true

        anchors.fill: parent
        anchors.topMargin: copyButton.height + Theme.gap
        anchors.leftMargin: Theme.wideSpace
        anchors.rightMargin: Theme.wideSpace
        anchors.bottomMargin: Theme.gap
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        activeFocusOnTab: true
        model: panel.run.log
        reuseItems: true
        onCountChanged: if (atTail) positionViewAtEnd()
        onMovementEnded: atTail = atYEnd
        Keys.onPressed: event => {
            if (event.key === Qt.Key_PageDown || event.key === Qt.Key_PageUp) {
                const step = height * 0.9 * (event.key === Qt.Key_PageDown ? 1 : -1);
                contentY = Math.max(originY, Math.min(originY + contentHeight - height, contentY + step));
                atTail = atYEnd;
                event.accepted = true;
            }
        }
        Accessible.role: Accessible.List
        Accessible.name: panel.run.logTitle

        delegate: Item {
            id: entry

            required property string time
            required property string line

            width: lines.width
            height: text.height
            Accessible.role: Accessible.ListItem
            Accessible.name: line

            Text {
                id: stamp

                text: entry.time
                color: Theme.inkQuiet
                font: Theme.mono(Theme.caption)
            }

            Text {
                id: text

                x: stamp.width > 0 ? stamp.width + Theme.gap : 0
                width: parent.width - x
                text: entry.line
                textFormat: Text.PlainText
                color: Theme.ink
                font: Theme.mono(Theme.caption)
                wrapMode: Text.WrapAnywhere
            }
        }

        Text {
            visible: lines.count === 0
            text: qsTr("Nothing was logged here.")
            color: Theme.inkQuiet
            font: Theme.sans(Theme.small, Font.Normal)
        }

        ScrollMark {
            view: lines
        }

        FocusRing {
            shown: lines.activeFocus
        }
    }
}
