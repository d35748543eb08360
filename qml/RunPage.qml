import QtQuick
import Slipway

// A run: the banner, its steps, the log of the chosen step, and what is known of the unit.
FocusScope {
    id: page

    required property LineViewModel line
    readonly property RunViewModel run: line.run
    readonly property real sideWidth: Math.min(Theme.factsWidth * Math.min(Theme.textScale, 1.5), width * 0.36)

    function takeFocus(): void {
        if (!banner.takeFocus())
            steps.forceActiveFocus();
    }

    onVisibleChanged: if (visible) takeFocus()

    Connections {
        target: page.line
        enabled: page.visible

        function onValueEntryWanted(): void {
            banner.takeFocus();
        }
    }

    Banner {
        id: banner

        objectName: "banner"
        width: parent.width
        height: implicitHeight
        line: page.line
    }

    Rectangle {
        id: main

        x: Theme.wideSpace
        y: banner.height + Theme.space
        width: parent.width - side.width - Theme.wideSpace * 2 - Theme.space
        height: parent.height - y - Theme.space
        radius: Theme.radius
        color: Theme.surface
        border.width: Theme.hair
        border.color: Theme.edge

        ListView {
            id: steps

            objectName: "steps"
            x: Theme.hair
            y: Theme.gap
            width: parent.width - Theme.hair * 2
            height: Math.min(contentHeight, parent.height * 0.66)
            clip: true
            boundsBehavior: Flickable.StopAtBounds
            focus: true
            activeFocusOnTab: true
            keyNavigationEnabled: false
            model: page.run.steps
            currentIndex: page.run.selectedStep
            highlightMoveDuration: 0
            highlightMoveVelocity: -1
            // All rows there, so that the height is known.
            cacheBuffer: 10000
            onCurrentIndexChanged: if (currentIndex >= 0) positionViewAtIndex(currentIndex, ListView.Contain)
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Steps")

            delegate: StepRow {
                objectName: "step-" + (index + 1)
                width: steps.width
                height: implicitHeight
                selected: page.run.selectedStep === index
                onChosen: page.run.selectStep(index)
            }
        }

        Text {
            x: Theme.wideSpace
            y: Theme.wideSpace
            visible: page.run.steps.count === 0
            text: qsTr("No run in this place yet.")
            color: Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
        }

        LogPanel {
            y: steps.y + Math.max(steps.height, page.run.steps.count === 0 ? Theme.rowHeight * 2 : 0) + Theme.space
            width: parent.width
            height: parent.height - y - Theme.gap
            run: page.run
        }
    }

    Rectangle {
        id: side

        x: parent.width - width - Theme.wideSpace
        y: main.y
        width: page.sideWidth
        height: main.height
        radius: Theme.radius
        color: Theme.surface
        border.width: Theme.hair
        border.color: Theme.edge

        FactsPanel {
            anchors.fill: parent
            anchors.margins: Theme.hair
            sections: page.run.sections
        }
    }
}
