//! Whether a connection costs the same when one process has few and when it has as many as it can.

use anyhow::Result;
use swampdragon_bench::report::{Figure, Figures, Scale};
use tokio::time::sleep;

use super::{
    idle::Idle,
    peer::Peer,
    scene::{SETTLE, Scene, WINDOW},
};

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut idle = Idle::start(Peer::SwampDragon).await?;
    let resident = [Figure::FewResident, Figure::ManyResident];
    for (connections, figure) in scale.growth.into_iter().zip(resident) {
        idle.grow_to(connections).await?;
        figures.set(figure, Some(idle.memory()?.resident));
    }
    drop(idle);
    for (connections, figure) in scale.growth.into_iter().zip([Figure::FewTripCpu, Figure::ManyTripCpu]) {
        let interval = scale.growth_interval(connections);
        let mut scene = Scene::set(Peer::SwampDragon, connections, interval, interval).await?;
        // Each has been answered for once.
        sleep(interval + SETTLE).await;
        figures.set(figure, Some(scene.trips(WINDOW.max(interval)).await?.cpu));
        scene.is_whole()?;
    }
    Ok(())
}
