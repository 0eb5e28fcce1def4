#include "ui/theme/style_sheet.h"
#include "ui/theme/theme.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::ui;

class TestTheme : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyInkCanBeReadOnEveryGround_data()
    {
        QTest::addColumn<QColor>("ink");
        QTest::addColumn<QColor>("ground");
        for (const Theme &theme : {Theme::light(), Theme::darkTheme()}) {
            const char *name = theme.dark ? "dark" : "light";
            const QColor grounds[] = {theme.ground, theme.panel, theme.raised};
            const QColor inks[] = {theme.ink, theme.muted, theme.ready, theme.inFlightText,
                theme.doneText, theme.deadText, theme.system};
            int row = 0;
            for (const QColor &ground : grounds)
                for (const QColor &ink : inks)
                    QTest::addRow("%s %d", name, row++) << ink << ground;
            for (int tone = 0; tone <= static_cast<int>(EventTone::Quiet); ++tone)
                QTest::addRow("%s own tint %d", name, tone) << theme.toneText(
                    static_cast<EventTone>(tone)) << theme.toneTint(static_cast<EventTone>(tone));
            QTest::addRow("%s button", name) << theme.onReady << theme.ready;
        }
    }
    void everyInkCanBeReadOnEveryGround()
    {
        QFETCH(const QColor, ink);
        QFETCH(const QColor, ground);
        QVERIFY2(contrast(ink, ground) >= 4.5, qPrintable(QString::number(contrast(ink, ground))));
    }

    void contrastIsThatOfWcag()
    {
        QCOMPARE(contrast(Qt::black, Qt::white), 21.0);
        QCOMPARE(contrast(Qt::white, Qt::white), 1.0);
    }

    void aPaletteIsRecognised()
    {
        QVERIFY(!Theme::of(Theme::light().palette()).dark);
        QVERIFY(Theme::of(Theme::darkTheme().palette()).dark);
    }

    void typeIsNeverBelowNinePoints()
    {
        Theme theme = Theme::light();
        theme.scale = 0.5;
        QVERIFY(theme.uiFont(9).pointSizeF() >= 9);
        QVERIFY(theme.monoFont(8).pointSizeF() >= 9);
    }

    void theStyleSheetLeavesNoWordUnreplaced()
    {
        QVERIFY(!styleSheet(Theme::light()).contains(u'@'));
        QVERIFY(!styleSheet(Theme::darkTheme()).contains(u'@'));
    }
};

QTEST_MAIN(TestTheme)
#include "tst_theme.moc"
