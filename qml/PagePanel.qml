import QtQuick
import Slipway

// A page before the line: a headline, advice, and room for what the page is about.
FocusScope {
    id: page

    property string headline
    property string advice
    property bool trouble: false
    default property alias content: body.data
    readonly property real column: Math.min(width - Theme.wideSpace * 2, Theme.column)

    Flickable {
        id: scroll

        anchors.fill: parent
        contentHeight: inner.y + inner.height + Theme.wideSpace
        boundsBehavior: Flickable.StopAtBounds
        clip: true

        ScrollMark {
            view: scroll
        }

        Column {
            id: inner

            x: (page.width - width) / 2
            y: Math.max(Theme.wideSpace * 2, (page.height - height) * 0.36)
            width: page.column
            spacing: Theme.wideSpace

            Text {
                text: qsTr("Slipway")
                color: Theme.inkQuiet
                font: Theme.sans(Theme.lead, Font.Bold)
            }

            Row {
                spacing: Theme.wideSpace
                width: parent.width

                Glyph {
                    id: mark

                    visible: page.trouble
                    width: Theme.hero * 1.2
                    height: width
                    kind: "error"
                    color: Theme.cautionInk
                    plate: Theme.cautionFill
                    plateEdge: Theme.caution
                }

                Column {
                    width: parent.width - (mark.visible ? mark.width + Theme.wideSpace : 0)
                    spacing: Theme.gap

                    Text {
                        objectName: "pageHeadline"
                        width: parent.width
                        text: page.headline
                        color: Theme.ink
                        font: Theme.sans(Theme.title, Font.Bold)
                        wrapMode: Text.Wrap
                        Accessible.role: Accessible.Heading
                        Accessible.name: text
                    }

                    Text {
                        objectName: "pageAdvice"
                        width: parent.width
                        visible: text !== ""
                        text: page.advice
                        color: Theme.inkQuiet
                        font: Theme.sans(Theme.lead, Font.Normal)
                        wrapMode: Text.WrapAtWordBoundaryOrAnywhere
                    }
                }
            }

            Column {
                id: body

                width: parent.width
                spacing: Theme.space
            }
        }
    }
}
