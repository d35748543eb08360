import QtQuick
import Slipway

// All keys, on a sheet at the right: the places beside it stay in sight and scans still go where they belong.
Rectangle {
    id: sheet

    required property var entries

    signal closed

    width: Math.min(parent.width, Theme.sheetWidth * Math.min(Theme.textScale, 1.5))
    height: parent.height
    color: Theme.surface
    Accessible.role: Accessible.Pane
    Accessible.name: qsTr("Keys")

    Rectangle {
        width: Theme.hair
        height: parent.height
        color: Theme.edge
    }

    Text {
        id: title

        x: Theme.wideSpace
        y: Theme.wideSpace
        text: qsTr("Keys")
        color: Theme.ink
        font: Theme.sans(Theme.title, Font.Bold)
    }

    ActionButton {
        objectName: "helpClose"
        quiet: true
        anchors.right: parent.right
        anchors.rightMargin: Theme.wideSpace
        anchors.verticalCenter: title.verticalCenter
        text: qsTr("Close")
        keyName: qsTr("F1")
        onClicked: sheet.closed()
    }

    Flickable {
        id: scroll

        x: Theme.wideSpace
        y: title.y + title.height + Theme.wideSpace
        width: parent.width - Theme.wideSpace * 2
        height: parent.height - y - Theme.space
        contentHeight: list.height
        clip: true
        boundsBehavior: Flickable.StopAtBounds

        ScrollMark {
            view: scroll
        }

        Column {
            id: list

            width: parent.width

            Repeater {
                model: sheet.entries

                Item {
                    id: entry

                    required property var modelData

                    width: list.width
                    height: Math.max(text.height, cap.height) + Theme.gap * 1.75
                    Accessible.role: Accessible.StaticText
                    Accessible.name: modelData.keys + ": " + modelData.text

                    KeyCap {
                        id: cap

                        y: (parent.height - height) / 2
                        text: entry.modelData.keys
                    }

                    Text {
                        id: text

                        x: Theme.sheetWidth * 0.22 * Math.min(Theme.textScale, 1.5)
                        y: (parent.height - height) / 2
                        width: parent.width - x
                        text: entry.modelData.text
                        color: Theme.ink
                        font: Theme.sans(Theme.body, Font.Normal)
                        wrapMode: Text.Wrap
                    }

                    Rectangle {
                        y: parent.height - height
                        width: parent.width
                        height: Theme.hair
                        color: Theme.edge
                    }
                }
            }

            Text {
                width: list.width
                topPadding: Theme.space
                text: qsTr("A scan needs no key: whatever is scanned, whenever, goes to the place that waits for it.")
                color: Theme.inkQuiet
                font: Theme.sans(Theme.body, Font.Normal)
                wrapMode: Text.Wrap
            }
        }
    }
}
